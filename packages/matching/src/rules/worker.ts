import { parentPort } from "node:worker_threads";
import { UnionFind } from "../cluster/union-find";
import { RuleRunner } from "./run";
import { runEncode, runRules, type Task } from "./tasks";

/** A thread that works beside the main one. A failure ends it, and is the main thread's to tell. */
parentPort?.on("message", async (task: Task) => {
  if (task.kind === "encode") {
    parentPort?.postMessage(runEncode(task));
    return;
  }
  const answer = await runRules(task, RuleRunner.ofThread(task.runner), new UnionFind(task.runner.records));
  parentPort?.postMessage(answer, [answer.parent.buffer as ArrayBuffer]);
});
