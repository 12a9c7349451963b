import type { AwsService } from "../../kernel";
import { defineService } from "../support";
import { bucketOperations } from "./bucket-operations";
import { MultipartUploads } from "./multipart";
import { multipartOperations } from "./multipart-operations";
import { objectOperations } from "./object-operations";
import type { ObjectStore } from "./storage";

export function s3Service(store: ObjectStore): AwsService {
  const uploads = new MultipartUploads(store.kernel, store);
  return defineService(
    "s3",
    { ...bucketOperations(store), ...objectOperations(store), ...multipartOperations(store, uploads) },
    { invalidCode: "InvalidArgument" },
  );
}
