import { S3Client } from "@aws-sdk/client-s3";
import { lazy } from "../client";
import { clientSettings } from "./settings";

export const s3 = lazy(() => new S3Client(clientSettings));
