import { type KinesisClient, PutRecordsCommand } from "@aws-sdk/client-kinesis";
import type { StreamPort } from "../../domain/stream-writer";

export function kinesisStream(client: KinesisClient, streamName: string): StreamPort {
  return {
    async put(entries) {
      const output = await client.send(
        new PutRecordsCommand({
          StreamName: streamName,
          Records: entries.map(({ data, partitionKey }) => ({ Data: data, PartitionKey: partitionKey })),
        }),
      );
      return entries.map((_, index) => {
        const result = output.Records?.[index];
        return result?.SequenceNumber === undefined ? (result?.ErrorCode ?? "NoAnswer") : undefined;
      });
    },
  };
}
