export { Graph } from "./graph";
export { householdRecords, junkEmails, junkPhones, type PersonRecord, personColumns, writeHouseholds } from "./people";
export { type RecordedCall, RecordingProvider, type RecordingProviderOptions } from "./recording-provider";
export { runStack, type StackOptions, type StackProgram, StackRun } from "./run-stack";
