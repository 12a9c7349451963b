import { SQSClient } from "@aws-sdk/client-sqs";
import { lazy } from "../client";
import { clientSettings } from "./settings";

export const sqs = lazy(() => new SQSClient(clientSettings));
