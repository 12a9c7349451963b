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
  | { readonly kind: "failed"; readonly record: SourceRecord; readonly code: string; readonly message: string }
  | { readonly kind: "dropped"; readonly record: SourceRecord };

const responseSchema = z.object({
  records: z.array(
    z.object({
      recordId: z.string(),
      result: z.enum(["Ok", "Dropped", "ProcessingFailed"]),
      data: z.string().optional(),
      metadata: z.object({ partitionKeys: z.record(z.string(), z.string()).optional() }).optional(),
    }),
  ),
});

/** Sends a batch of records through the transformation function, with the configured retries. */
export async function transform(
  kernel: Kernel,
  config: TransformConfig,
  stream: { readonly arn: string; readonly sourceArn: string; readonly roleArn: string },
  records: readonly SourceRecord[],
): Promise<Transformed[]> {
  const principal: Principal = { kind: "role", roleArn: stream.roleArn, session: "firehose" };
  kernel.authorize(principal, { action: "lambda:InvokeFunction", resource: config.functionArn }, "InvokeFunction");
  const event = {
    invocationId: crypto.randomUUID(),
    deliveryStreamArn: stream.arn,
    region: kernel.place.region,
    ...(stream.sourceArn !== stream.arn && { sourceKinesisStreamArn: stream.sourceArn }),
    records: records.map((record) => ({
      recordId: idOf(record),
      approximateArrivalTimestamp: record.arrivedAt,
      data: Buffer.from(record.data).toString("base64"),
      ...(record.partitionKey !== undefined && {
        kinesisRecordMetadata: {
          shardId: record.shard,
          partitionKey: record.partitionKey,
          sequenceNumber: record.sequence,
          approximateArrivalTimestamp: record.arrivedAt,
        },
      }),
    })),
  };
  let message = "";
  for (let attempt = 0; attempt <= config.retries; attempt++) {
    const result = await kernel.lambda.invoke(config.functionArn, event, principal);
    if (result.functionError === undefined) return match(records, result.payload);
    message = JSON.stringify(result.payload);
  }
  return records.map((record) => ({ kind: "failed", record, code: "Lambda.FunctionError", message }));
}

const idOf = ({ shard, sequence }: SourceRecord) => `${shard}:${sequence}`;

/** Pairs the function's answers with what was sent; a record without a valid answer has failed. */
function match(records: readonly SourceRecord[], payload: unknown): Transformed[] {
  const parsed = responseSchema.safeParse(payload);
  if (!parsed.success) {
    const message = `The function's answer is not of the form {records: [{recordId, result, data}]}: ${z.prettifyError(parsed.error)}`;
    return records.map((record) => ({ kind: "failed", record, code: "Lambda.MalformedResponse", message }));
  }
  const answers = new Map(parsed.data.records.map((answer) => [answer.recordId, answer]));
  return records.map((record): Transformed => {
    const answer = answers.get(idOf(record));
    if (!answer)
      return {
        kind: "failed",
        record,
        code: "Lambda.MissingRecordId",
        message: "The function gave no answer for the record.",
      };
    if (answer.result === "Dropped") return { kind: "dropped", record };
    if (answer.result === "ProcessingFailed") {
      const message = "ProcessingFailed status set for record";
      return { kind: "failed", record, code: "Lambda.ProcessingFailedStatus", message };
    }
    const data = Buffer.from(answer.data ?? "", "base64");
    const partitionKeys = answer.metadata?.partitionKeys;
    return { kind: "ok", record, data, ...(partitionKeys && { partitionKeys }) };
  });
}
