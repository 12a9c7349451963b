import { dynamodb, loadConfig, metrics, parseEnv } from "@tributary/runtime";
import type { Context } from "aws-lambda";
import { chooseFirsts } from "../domain/archive";
import { archiverConfig, archiverEnv } from "../env";
import { claimTable } from "./adapters/claims";

/** A record as Firehose hands it over: of Kinesis or of MSK, which have their data under another name. */
interface Handed {
  readonly recordId: string;
  readonly data?: string;
  readonly kafkaRecordValue?: string;
  readonly kinesisRecordMetadata?: {
    readonly shardId: string;
    readonly sequenceNumber: string;
    readonly subsequenceNumber?: string | number | null;
  };
  readonly mskRecordMetadata?: { readonly partitionId: string; readonly offset: string };
}

interface Answer {
  readonly records: readonly {
    readonly recordId: string;
    readonly result: "Ok" | "Dropped";
    readonly data?: string | undefined;
    readonly kafkaRecordValue?: string | undefined;
  }[];
}

const env = parseEnv(archiverEnv);
const { retentionDays } = loadConfig(archiverConfig);
const claims = claimTable(dynamodb(), env.ARCHIVED_TABLE, retentionDays);
const counters = metrics("archiver");

/** Share of an invocation's time for which busy claims are tried again. */
const share = 0.75;

function positionOf({ kinesisRecordMetadata: kinesis, mskRecordMetadata: kafka }: Handed): string | undefined {
  // Records that the KPL packed into one share its sequence number.
  if (kinesis) return `${kinesis.shardId}:${kinesis.sequenceNumber}:${kinesis.subsequenceNumber ?? ""}`;
  return kafka && `${kafka.partitionId}:${kafka.offset}`;
}

/** Firehose's data transformation: of the records that are the same event, only the first goes to the raw zone. */
export async function handler(
  event: { readonly records: readonly Handed[] },
  context: Pick<Context, "getRemainingTimeInMillis">,
): Promise<Answer> {
  const until = Date.now() + context.getRemainingTimeInMillis() * share;
  const keep = await chooseFirsts(
    event.records.map((record) => ({
      data: Buffer.from(record.data ?? record.kafkaRecordValue ?? "", "base64"),
      position: positionOf(record),
    })),
    { claims, until },
  );
  counters.count("RepeatsNotArchived", keep.filter((kept) => !kept).length);
  counters.flush();
  return {
    records: event.records.map(({ recordId, data, kafkaRecordValue }, index) => ({
      recordId,
      result: keep[index] ? "Ok" : "Dropped",
      // Firehose takes it for a failure where this is missing, even of what is dropped.
      ...(kafkaRecordValue === undefined ? { data } : { kafkaRecordValue }),
    })),
  };
}
