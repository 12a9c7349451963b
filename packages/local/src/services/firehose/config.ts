import { z } from "zod";
import { NotSupportedLocally, parseArn, parseInput } from "../../kernel";
import { topicArn } from "../msk";
import { type PartitionQuery, parseQuery } from "./partition-query";

const processorInput = z.object({
  type: z.string(),
  parameters: z.array(z.object({ parameterName: z.string(), parameterValue: z.string() })).default([]),
});

const s3Input = z.object({
  bucketArn: z.string(),
  roleArn: z.string(),
  bufferingSize: z.number().int().min(1).max(128).default(5),
  bufferingInterval: z.number().int().min(0).max(900).default(300),
  compressionFormat: z.string().default("UNCOMPRESSED"),
  prefix: z.string().default(""),
  errorOutputPrefix: z.string().default(""),
  fileExtension: z.string().optional(),
  customTimeZone: z.string().default("UTC"),
  s3BackupMode: z.string().default("Disabled"),
  dynamicPartitioningConfiguration: z.object({ enabled: z.boolean().default(false) }).optional(),
  processingConfiguration: z
    .object({ enabled: z.boolean().default(false), processors: z.array(processorInput).default([]) })
    .optional(),
  dataFormatConversionConfiguration: z
    .object({
      enabled: z.boolean().default(true),
      inputFormatConfiguration: z.object({
        deserializer: z.object({
          openXJsonSerDe: z
            .object({
              caseInsensitive: z.boolean().default(true),
              columnToJsonKeyMappings: z.record(z.string(), z.string()).default({}),
              convertDotsInJsonKeysToUnderscores: z.boolean().default(false),
            })
            .optional(),
          hiveJsonSerDe: z.object({ timestampFormats: z.array(z.string()).optional() }).optional(),
        }),
      }),
      outputFormatConfiguration: z.object({
        serializer: z.object({
          parquetSerDe: z.object({ compression: z.string().default("SNAPPY") }).optional(),
          orcSerDe: z.object({}).optional(),
        }),
      }),
      schemaConfiguration: z.object({ databaseName: z.string(), tableName: z.string(), roleArn: z.string() }),
    })
    .optional(),
});

export const firehoseInputs = z.object({
  name: z.string().optional(),
  destination: z.string(),
  kinesisSourceConfiguration: z.object({ kinesisStreamArn: z.string(), roleArn: z.string() }).optional(),
  mskSourceConfiguration: z
    .object({
      mskClusterArn: z.string(),
      topicName: z.string(),
      authenticationConfiguration: z.object({ roleArn: z.string(), connectivity: z.enum(["PRIVATE", "PUBLIC"]) }),
    })
    .optional(),
  extendedS3Configuration: s3Input.optional(),
});

export interface TransformConfig {
  readonly functionArn: string;
  /** Bytes of records that one invocation gets, before base64. */
  readonly bufferBytes: number;
  readonly retries: number;
}

export interface ConversionConfig {
  readonly database: string;
  readonly table: string;
  readonly roleArn: string;
  readonly compression: "snappy" | "gzip" | "uncompressed";
  readonly caseInsensitive: boolean;
  /** Column name → JSON key. */
  readonly keyOf: Readonly<Record<string, string>>;
  readonly dotsToUnderscores: boolean;
}

/** How a delivery stream delivers. */
export interface DeliveryConfig {
  readonly source:
    | {
        readonly kind: "kinesis" | "kafka";
        /** Of the stream, or of the topic. */
        readonly streamArn: string;
        /** Of the stream, or of the cluster: as a transformation function is told. */
        readonly sourceArn: string;
        readonly roleArn: string;
      }
    | undefined;
  readonly bucket: string;
  readonly roleArn: string;
  readonly bufferBytes: number;
  readonly bufferMs: number;
  readonly prefix: string;
  readonly errorPrefix: string;
  readonly timeZone: string;
  readonly gzip: boolean;
  readonly fileExtension: string | undefined;
  readonly delimiter: string;
  readonly transform: TransformConfig | undefined;
  readonly conversion: ConversionConfig | undefined;
  readonly partitionQuery: PartitionQuery | undefined;
  readonly dynamicPartitioning: boolean;
}

/** Reads the resource's inputs; what the embedded runtime does not do is refused by name. */
export function readConfig(inputs: Record<string, unknown>): DeliveryConfig {
  const given = parseInput(firehoseInputs, inputs);
  const s3 = given.extendedS3Configuration;
  if (given.destination !== "extended_s3" || !s3) {
    throw new NotSupportedLocally(
      `Firehose destination ${given.destination}`,
      "Locally Firehose delivers to S3 (extended_s3).",
    );
  }
  if (s3.s3BackupMode !== "Disabled") throw new NotSupportedLocally("Firehose S3 backup");
  if (!["UNCOMPRESSED", "GZIP"].includes(s3.compressionFormat)) {
    throw new NotSupportedLocally(`Firehose compression ${s3.compressionFormat}`, "Use GZIP or UNCOMPRESSED.");
  }
  const processors = s3.processingConfiguration?.enabled ? s3.processingConfiguration.processors : [];
  const parameter = (type: string, name: string) =>
    processors.find((each) => each.type === type)?.parameters.find(({ parameterName }) => parameterName === name)
      ?.parameterValue;
  for (const { type } of processors) {
    if (!["Lambda", "MetadataExtraction", "AppendDelimiterToRecord"].includes(type)) {
      throw new NotSupportedLocally(`Firehose processor ${type}`);
    }
  }
  const functionArn = parameter("Lambda", "LambdaArn");
  const query = parameter("MetadataExtraction", "MetadataExtractionQuery");
  const delimiter = parameter("AppendDelimiterToRecord", "Delimiter") ?? "\\n";
  return {
    source: sourceOf(given),
    bucket: parseArn(s3.bucketArn)?.resource ?? s3.bucketArn,
    roleArn: s3.roleArn,
    bufferBytes: s3.bufferingSize * 2 ** 20,
    bufferMs: s3.bufferingInterval * 1000,
    prefix: s3.prefix,
    errorPrefix: s3.errorOutputPrefix,
    timeZone: s3.customTimeZone,
    gzip: s3.compressionFormat === "GZIP",
    fileExtension: s3.fileExtension,
    delimiter: processors.some(({ type }) => type === "AppendDelimiterToRecord") ? delimiter.replace("\\n", "\n") : "",
    transform:
      functionArn === undefined
        ? undefined
        : {
            functionArn,
            bufferBytes: Number(parameter("Lambda", "BufferSizeInMBs") ?? 1) * 2 ** 20,
            retries: Number(parameter("Lambda", "NumberOfRetries") ?? 3),
          },
    conversion: conversionOf(s3.dataFormatConversionConfiguration),
    partitionQuery: query === undefined ? undefined : parseQuery(query),
    dynamicPartitioning: s3.dynamicPartitioningConfiguration?.enabled ?? false,
  };
}

function sourceOf(given: z.output<typeof firehoseInputs>): DeliveryConfig["source"] {
  const { kinesisSourceConfiguration: stream, mskSourceConfiguration: topic } = given;
  if (stream) {
    const { kinesisStreamArn: streamArn, roleArn } = stream;
    return { kind: "kinesis", streamArn, sourceArn: streamArn, roleArn };
  }
  if (!topic) return undefined;
  const { mskClusterArn, topicName, authenticationConfiguration } = topic;
  const { roleArn } = authenticationConfiguration;
  return { kind: "kafka", streamArn: topicArn(mskClusterArn, topicName), sourceArn: mskClusterArn, roleArn };
}

function conversionOf(
  given: z.output<typeof s3Input>["dataFormatConversionConfiguration"],
): ConversionConfig | undefined {
  if (!given?.enabled) return undefined;
  const { deserializer } = given.inputFormatConfiguration;
  const { parquetSerDe } = given.outputFormatConfiguration.serializer;
  if (!parquetSerDe) throw new NotSupportedLocally("Firehose conversion to ORC", "Use parquetSerDe.");
  if (deserializer.hiveJsonSerDe?.timestampFormats?.length) {
    throw new NotSupportedLocally("Firehose hiveJsonSerDe.timestampFormats", "Send ISO 8601 or epoch milliseconds.");
  }
  const compression = parquetSerDe.compression.toLowerCase();
  if (compression !== "snappy" && compression !== "gzip" && compression !== "uncompressed") {
    throw new NotSupportedLocally(`Firehose Parquet compression ${parquetSerDe.compression}`, "Use SNAPPY or GZIP.");
  }
  const { databaseName, tableName, roleArn } = given.schemaConfiguration;
  return {
    database: databaseName,
    table: tableName,
    roleArn,
    compression,
    caseInsensitive: deserializer.openXJsonSerDe?.caseInsensitive ?? true,
    keyOf: deserializer.openXJsonSerDe?.columnToJsonKeyMappings ?? {},
    dotsToUnderscores: deserializer.openXJsonSerDe?.convertDotsInJsonKeysToUnderscores ?? false,
  };
}
