import { AwsError } from "../../kernel";

export function noSuchBucket(bucket: string): AwsError {
  return new AwsError("NoSuchBucket", "The specified bucket does not exist", {
    status: 404,
    details: { BucketName: bucket },
  });
}

export function noSuchKey(key: string): AwsError {
  return new AwsError("NoSuchKey", "The specified key does not exist.", { status: 404, details: { Key: key } });
}

export function noSuchUpload(id: string): AwsError {
  return new AwsError(
    "NoSuchUpload",
    "The specified multipart upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.",
    { status: 404, details: { UploadId: id } },
  );
}

export function preconditionFailed(condition: string): AwsError {
  return new AwsError("PreconditionFailed", "At least one of the pre-conditions you specified did not hold", {
    status: 412,
    details: { Condition: condition },
  });
}
