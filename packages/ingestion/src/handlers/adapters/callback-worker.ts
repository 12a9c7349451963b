/**
 * The thread that the user's callback runs in, as text: a worker starts from it without a file of its own beside the
 * bundle. It gets events as JSON and gives `[index, answer]` back in handfuls, so that what was answered before it came to
 * grief is not asked for again. `beat[0]` moves as long as the thread lives, `beat[1]` is the call under way, from 1.
 */
export const callbackWorker = `
const { parentPort, workerData } = require("node:worker_threads");
const { file, beat, awaitMs } = workerData;
const loaded = require(file);
const onEvent = [loaded, loaded && loaded.default, loaded && loaded.handler].find((each) => typeof each === "function");
if (!onEvent) throw new Error(file.split("/").pop() + " in the function's archive exports no function");
setInterval(() => Atomics.add(beat, 0, 1), 100);

const gave = (value) => {
  const text = JSON.stringify(value);
  return text === undefined ? { kind: "gave" } : { kind: "gave", text };
};
const threw = (thrown) => {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  return { kind: "threw", name: String(error.name), message: String(error.message), stack: error.stack };
};

parentPort.on("message", async (texts) => {
  let answers = [];
  const open = new Map();
  const settle = (index, answer) => {
    open.delete(index);
    if (answers.push([index, answer]) >= 64) {
      parentPort.postMessage({ answers });
      answers = [];
    }
  };
  for (let index = 0; index < texts.length; index++) {
    Atomics.add(beat, 0, 1);
    Atomics.store(beat, 1, index + 1);
    let answer;
    try {
      const event = JSON.parse(texts[index]);
      const given = onEvent(event, { sourceId: event.sourceId, receivedAt: event.receivedAt });
      if (typeof given?.then === "function") open.set(index, given);
      else answer = gave(given);
    } catch (error) {
      answer = threw(error);
    }
    Atomics.store(beat, 1, 0);
    if (answer) settle(index, answer);
  }
  let timer;
  await Promise.race([
    Promise.all([...open].map(async ([index, promise]) => {
      let answer;
      try { answer = gave(await promise); } catch (error) { answer = threw(error); }
      if (open.has(index)) settle(index, answer);
    })),
    new Promise((resolve) => { timer = setTimeout(resolve, awaitMs); }),
  ]);
  clearTimeout(timer);
  const detail = "did not settle within " + awaitMs / 1000 + " s; give what it waits for a time limit of its own";
  for (const index of [...open.keys()]) settle(index, { kind: "stuck", detail });
  parentPort.postMessage({ answers, end: true });
});
parentPort.postMessage({ ready: true });
`;
