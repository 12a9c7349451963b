import { z } from "zod";
import type { Kernel, Principal } from "../../kernel";
import type { TransformConfig } from "./config";
import type { SourceRecord } from "./source";

/** What became of a record in the transformation function. */
export type Transformed =
  | {
      readonly kind: "ok";
      readonly record: SourceRecord;
      readonly data: Uint8Array;
      readonly partitionKeys?: Record<string, string>;
    }
  | {
      readonly kind: "failed";
      readonly record: SourceRecord;
      readonly code: string;
      readonly message: string;
      /** Invocations that were made for it. */
      readonly attempts: number;
    }
  | { readonly kind: "dropped"; readonly record: SourceRecord };

/** The delivery stream that the records are of. */
export interface TransformedStream {
  readonly name: string;
  readonly arn: string;
  readonly roleArn: string;
  /** Its source; undefined where producers put records directly. */
  readonly source: { readonly kind: "kinesis" | "kafka"; readonly arn: string } | undefined;
}

const answerSchema = z.object({
  recordId: z.string(),
  result: z.enum(["Ok", "Dropped", "ProcessingFailed"]),
  data: z.string().nullish(),
  kafkaRecordValue: z.string().nullish(),
  metadata: z.object({ partitionKeys: z.record(z.string(), z.string()).nullish() }).nullish(),
});
type Answer = z.output<typeof answerSchema>;
const responseSchema = z.object({ records: z.array(answerSchema) });

const idOf = ({ shard, sequence }: SourceRecord) => `${shard}:${sequence}`;

/**
 * A record as the function gets it. MSK's has its data and place under names of its own.
 * Source: "Required parameters for data transformation" in Firehose's developer guide; the event classes of AWS's Java
 * library for Lambda events.
 */
function handed(record: SourceRecord, source: TransformedStream["source"]): object {
  const { shard, sequence, arrivedAt, partitionKey } = record;
  const common = { recordId: idOf(record), approximateArrivalTimestamp: arrivedAt };
  const data = Buffer.from(record.data.buffer, record.data.byteOffset, record.data.byteLength).toString("base64");
  if (source?.kind === "kafka") {
    const partitionId = shard.slice(shard.lastIndexOf("-") + 1);
    return {
      ...common,
      mskRecordMetadata: { offset: sequence, partitionId, approximateArrivalTimestamp: String(arrivedAt) },
      kafkaRecordValue: data,
    };
  }
  if (source === undefined) return { ...common, data };
  return {
    ...common,
    data,
    kinesisRecordMetadata: {
      shardId: shard,
      partitionKey,
      sequenceNumber: sequence,
      subsequenceNumber: "",
      approximateArrivalTimestamp: arrivedAt,
    },
  };
}

/** Sends a batch of records through the transformation function, with the configured retries. */
export async function transform(
  kernel: Kernel,
  config: TransformConfig,
  stream: TransformedStream,
  records: readonly SourceRecord[],
): Promise<Transformed[]> {
  const principal: Principal = { kind: "role", roleArn: stream.roleArn, session: "firehose" };
  const { source } = stream;
  const event = {
    invocationId: crypto.randomUUID(),
    deliveryStreamArn: stream.arn,
    region: kernel.place.region,
    ...(source?.kind === "kinesis" && { sourceKinesisStreamArn: source.arn }),
    ...(source?.kind === "kafka" && { sourceMSKArn: source.arn }),
    records: records.map((record) => handed(record, source)),
  };
  const measure = (name: string, value: number) =>
    kernel.metrics.put({
      namespace: "AWS/Firehose",
      name,
      dimensions: { DeliveryStreamName: stream.name },
      value,
      at: kernel.now(),
    });
  let message = "";
  for (let attempt = 0; attempt <= config.retries; attempt++) {
    const result = await kernel.lambda.invoke(config.functionArn, event, principal);
    measure("ExecuteProcessing.Success", result.functionError === undefined ? 1 : 0);
    if (result.functionError === undefined) {
      const outcomes = match(records, result.payload, source?.kind === "kafka", attempt + 1);
      const succeeded = outcomes.filter(({ kind }) => kind !== "failed");
      measure("SucceedProcessing.Records", succeeded.length);
      measure(
        "SucceedProcessing.Bytes",
        succeeded.reduce((sum, { record }) => sum + record.data.byteLength, 0),
      );
      return outcomes;
    }
    message = JSON.stringify(result.payload);
  }
  const attempts = config.retries + 1;
  return records.map((record) => ({ kind: "failed", record, code: "Lambda.FunctionError", message, attempts }));
}

/** Pairs the function's answers with what was sent; a record without one valid answer has failed. */
function match(records: readonly SourceRecord[], payload: unknown, isKafka: boolean, attempts: number): Transformed[] {
  const parsed = responseSchema.safeParse(payload);
  if (!parsed.success) {
    const message = `The function's answer is not of the form {records: [{recordId, result, data}]}: ${z.prettifyError(parsed.error)}`;
    return records.map((record) => ({ kind: "failed", record, code: "Lambda.MalformedResponse", message, attempts }));
  }
  const answers = new Map<string, Answer | "several">();
  for (const answer of parsed.data.records) {
    answers.set(answer.recordId, answers.has(answer.recordId) ? "several" : answer);
  }
  const member = isKafka ? "kafkaRecordValue" : "data";
  return records.map((record): Transformed => {
    const failed = (code: string, message: string) => ({ kind: "failed", record, code, message, attempts }) as const;
    const answer = answers.get(idOf(record));
    if (!answer) return failed("Lambda.MissingRecordId", "The function gave no answer for the record.");
    if (answer === "several") return failed("Lambda.DuplicatedRecordId", "The function answered for the record twice.");
    if (answer.result === "Dropped") return { kind: "dropped", record };
    if (answer.result === "ProcessingFailed") {
      return failed("Lambda.ProcessingFailedStatus", "ProcessingFailed status set for record");
    }
    const value = answer[member];
    if (typeof value !== "string") {
      return failed("Lambda.MalformedResponse", `The function's answer "Ok" for the record has no \`${member}\`.`);
    }
    const data = Buffer.from(value, "base64");
    const partitionKeys = answer.metadata?.partitionKeys;
    return { kind: "ok", record, data, ...(partitionKeys && { partitionKeys }) };
  });
}
