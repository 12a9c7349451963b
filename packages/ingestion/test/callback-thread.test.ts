import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CustomerEvent, isRejection, parseEvent } from "@tributary/model";
import type { CallbackAnswer } from "../src/domain/callback";
import { callbackThread } from "../src/handlers/adapters/callback-thread";

/** A callback does what its event's name says; everything that a user can do to a thread. */
const folder = mkdtempSync(join(tmpdir(), "tributary-callback-"));
const file = join(folder, "onEvent.cjs");
writeFileSync(
  file,
  `exports.handler = (event) => {
    switch (event.event) {
      case "loop": for (;;);
      case "loop later": return Promise.resolve().then(() => new Promise((r) => setTimeout(r, 5))).then(() => { for (;;); });
      case "never": return new Promise(() => {});
      case "exit": process.exit(3);
      case "memory": { const kept = []; for (;;) kept.push(new Array(2e5).fill(kept.length)); }
      case "stray": setTimeout(() => { throw new Error("nobody catches this"); }, 0); return new Promise(() => {});
      case "cycle": { const own = { ...event }; own.properties = own; return own; }
      case "throw": throw new RangeError("no " + event.userId);
      case "reject": return Promise.reject("plain");
      case "nothing": return;
      case "later": return new Promise((resolve) => setTimeout(() => resolve(event), 20));
      default: return { ...event, properties: { seen: true } };
    }
  };`,
);
const broken = join(folder, "broken.cjs");
writeFileSync(broken, 'throw new Error("not made for this Node");');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function event(name: string, index: number): CustomerEvent {
  const item = { type: "track", event: name, userId: `u${index}`, messageId: `m${index}` };
  const parsed = parseEvent(item, { sourceId: "web", receivedAt: "2026-11-23T09:00:00.000Z" });
  if (isRejection(parsed)) throw new Error(parsed.detail);
  return parsed;
}

process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE = "128";
const limits = { blockedMs: 500, awaitMs: 600 };
const run = (names: readonly string[], until = Number.POSITIVE_INFINITY) =>
  callbackThread(file, limits).run(names.map(event), until);

/** What became of an event, in a word or two. */
function told(answer: CallbackAnswer): string {
  if (answer.kind === "stuck") return answer.detail;
  if (answer.kind === "threw") return `${answer.name}: ${answer.message}`;
  return answer.kind === "gave" && answer.value === undefined ? "gave nothing" : answer.kind;
}

test("answers in the order of the events, whenever they come", async () => {
  const answers = await run(["later", "fine", "nothing", "throw", "reject", "later"]);
  expect(answers.map(told)).toEqual(["gave", "gave", "gave nothing", "RangeError: no u3", "Error: plain", "gave"]);
  expect(answers[1]).toMatchObject({ value: { messageId: "m1", properties: { seen: true } } });
  expect(answers[3]).toMatchObject({ stack: expect.stringMatching(/onEvent\.cjs:/) });
});

test.each<[string, RegExp]>([
  ["loop", /did not come back within 0.5 s \(an endless loop\?\)/],
  ["loop later", /did not come back within 0.5 s/],
  ["never", /did not settle within 0.6 s/],
  ["exit", /process\.exit\(3\)/],
  ["stray", /ended its thread: Error: nobody catches this/],
  ["memory", /took more than 64 MB of memory/],
  ["cycle", /TypeError: Converting circular structure/],
])(
  "%s costs its own event only, wherever it is in the batch",
  async (poison, detail) => {
    const names = Array.from({ length: 150 }, (_, index) =>
      index === 101 ? poison : index % 40 === 0 ? "later" : "fine",
    );
    const answers = await run(names);
    expect(
      answers
        .map(told)
        .map((text, index) => (text === "gave" ? "" : `${index} ${text}`))
        .filter(Boolean),
    ).toEqual([expect.stringMatching(new RegExp(`^101 .*${detail.source}`))]);
  },
  30_000,
);

test("a batch of poison goes on in the next invocation, and never stands still", async () => {
  const names = ["fine", "loop", "fine", "loop", "loop", "fine"];
  const began = Date.now();
  const answers = await run(names, Date.now() + 700);
  expect(Date.now() - began).toBeLessThan(5_000);
  const kinds = answers.map(({ kind }) => kind);
  expect(kinds).toContain("later");
  expect(kinds).toContain("stuck");
  // Out of time before it began: something is done all the same.
  expect((await run(names, 0)).some(({ kind }) => kind !== "later")).toBe(true);
}, 30_000);

test("a module that cannot be loaded fails the batch: every event would be quarantined for a fault of the deployment", async () => {
  await expect(callbackThread(broken, limits).run([event("fine", 0)], Number.POSITIVE_INFINITY)).rejects.toThrow(
    "not made for this Node",
  );
});
