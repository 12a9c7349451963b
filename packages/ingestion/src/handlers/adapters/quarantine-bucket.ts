import { PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import type { QuarantinePort } from "../../domain/stream-writer";

export function quarantineBucket(client: S3Client, bucket: string): QuarantinePort {
  return {
    async put(key, body) {
      const object = { Bucket: bucket, Key: key, Body: body, ContentType: "application/x-ndjson" };
      await client.send(new PutObjectCommand(object));
    },
  };
}
