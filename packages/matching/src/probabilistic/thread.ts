// A thread that compares: its comparisons are made of the columns it starts with, pairs come with each message.
import { parentPort, workerData } from "node:worker_threads";
import { compareParts } from "./compare";
import { comparisonsOf } from "./comparisons";
import { patternsOf } from "./patterns";
import { Scorer } from "./scorer";
import type { Start, Work } from "./threads";
import { Vectors } from "./vectors";

const comparisons = comparisonsOf((workerData as Start).columns);

parentPort?.on("message", (work: Work) => {
  const vectors = new Vectors(comparisons, work.codes);
  if ("samples" in work) {
    parentPort?.postMessage(patternsOf(work, vectors));
    return;
  }
  const found = compareParts(work.candidates, new Scorer(work.weights, comparisons, vectors));
  const { a, b, weight, kin, parts, grid } = found;
  parentPort?.postMessage(
    found,
    [a, b, weight, kin, parts, grid].map(({ buffer }) => buffer as ArrayBuffer),
  );
});
