import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { lazy } from "../client";
import { clientSettings } from "./settings";

export const dynamodb = lazy(() => new DynamoDBClient(clientSettings));
