import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { lazy } from "../client";
import { clientSettings } from "./settings";

export const eventBridge = lazy(() => new EventBridgeClient(clientSettings));
