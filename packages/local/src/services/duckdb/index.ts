export { type Dialect, LakeEngine, orderedParquetOptions, parquetOptions, type Session } from "./engine";
export { type LakeFile, listFiles, parseLocation, parseS3Uri, partitionOf, type S3Location } from "./lake-files";
export { nearest } from "./nearest";
export { type ParsedSelect, parseSelect, type TableReference } from "./parse-select";
export { filesOf, type LakeRelation, type RelationScan, scanFiles, scanOf, type TableFormat } from "./relation";
export { duckdbType, type HiveType, type LakeColumn, parseHiveType, quoteName, quoteText } from "./types";
export { athenaType, toAthenaText, toJson } from "./values";
