// @ts-check
/**
 * The function's stdout and stderr: whole lines go to its log, lines in CloudWatch's embedded metric format become
 * metrics instead.
 * @typedef {import("./protocol").FromWorker} FromWorker
 * @typedef {import("../../../kernel").MetricDatum} MetricDatum
 */

/**
 * @param {() => FromWorker} box where to put what is to be told to the host
 */
function captureOutput(box) {
  /** @param {string} line */
  const take = (line) => {
    if (line === "") return;
    const metrics = line.startsWith("{") && line.includes('"_aws"') ? metricsOf(line) : undefined;
    const message = box();
    if (metrics) message.metrics = [...(message.metrics ?? []), ...metrics];
    else {
      message.lines ??= [];
      message.lines.push(line);
    }
  };
  for (const stream of [process.stdout, process.stderr]) {
    let rest = "";
    const decoder = new TextDecoder();
    /**
     * @param {string | Uint8Array} chunk
     * @param {unknown} [encoding]
     * @param {unknown} [callback]
     */
    const write = (chunk, encoding, callback) => {
      const lines = (rest + (typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true }))).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) take(line);
      const done = typeof encoding === "function" ? encoding : callback;
      if (typeof done === "function") process.nextTick(done);
      return true;
    };
    stream.write = /** @type {typeof stream.write} */ (write);
    process.on("exit", () => take(rest));
  }
}

/**
 * Data points of one line in embedded metric format; undefined where the line is not in it.
 * Source: "Specification: Embedded metric format" in the CloudWatch user guide.
 * @param {string} line
 * @returns {MetricDatum[] | undefined}
 */
function metricsOf(line) {
  /** @type {any} */
  let document;
  try {
    document = JSON.parse(line);
  } catch {
    return undefined; // a log line that only looks like it: it stays in the log
  }
  const directives = document?._aws?.CloudWatchMetrics;
  if (!Array.isArray(directives)) return undefined;
  const at = Number(document._aws.Timestamp ?? Date.now());
  /** @type {MetricDatum[]} */
  const result = [];
  for (const { Namespace, Dimensions, Metrics } of directives) {
    for (const names of Dimensions?.length ? Dimensions : [[]]) {
      const dimensions = Object.fromEntries(names.map((/** @type {string} */ name) => [name, String(document[name])]));
      for (const { Name } of Metrics ?? []) {
        for (const value of [document[Name]].flat()) {
          if (typeof value === "number") result.push({ namespace: Namespace, name: Name, dimensions, value, at });
        }
      }
    }
  }
  return result;
}

module.exports = { captureOutput };
