import { PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { s3 } from "@tributary/runtime";
import type { ProfileArchive } from "../functions/archive-profiles";

/** The raw zone's bucket. */
export class RawZone implements ProfileArchive {
  constructor(
    private readonly bucket: string,
    private readonly client: () => S3Client = s3,
  ) {}

  async put(key: string, body: Uint8Array): Promise<void> {
    await this.client().send(
      new PutObjectCommand({
        Bucket: this.bucket,
        Key: key,
        Body: body,
        // Readers know the compression by the name's ending; a content encoding would make some unpack twice.
        ContentType: "application/gzip",
      }),
    );
  }
}
