export { sendBatches, type SendResult } from "./collector-client";
export { CommandError, UsageError } from "./errors";
export { main } from "./main";
export { count, createOutput, type Output, seconds, table } from "./output";
export { platformOf } from "./platform";
export { type Progress, progress } from "./progress";
export { runPipeline } from "./commands/pipeline";
export { getProfile } from "./profile-api-client";
export { quarantinedRecords } from "./quarantine";
