import { KinesisClient } from "@aws-sdk/client-kinesis";
import { lazy } from "../client";
import { clientSettings } from "./settings";

export const kinesis = lazy(() => new KinesisClient(clientSettings));
