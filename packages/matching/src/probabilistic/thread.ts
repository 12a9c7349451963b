// A thread that helps: its comparisons are made of the columns that it is told of, work comes with each message.
import { parentPort } from "node:worker_threads";
import { comparisonsOf } from "./comparisons";
import { type Job, jobs, type Known, type Request } from "./jobs";
import type { Answer, Message } from "./threads";

let known: Known = { columns: [], comparisons: [] };

parentPort?.on("message", (message: Message) => {
  if ("columns" in message) {
    known = { columns: message.columns, comparisons: comparisonsOf(message.columns) };
    return;
  }
  const { id, job, request } = message;
  const run = jobs[job] as (known: Known, request: Request<Job>) => unknown;
  parentPort?.postMessage({ id, result: run(known, request) } satisfies Answer);
});
