import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { type WorkerInput, work } from "./parallel";
import { RuleRunner } from "./run";

/** A thread that runs rules beside the main one. A failure ends it, and is the main thread's to tell. */
const input = workerData as WorkerInput;
void work(RuleRunner.ofThread(input.runner, input.frequencies), input, parentPort as MessagePort);
