import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { lazy } from "../client";
import { clientSettings } from "./settings";

export const secretsManager = lazy(() => new SecretsManagerClient(clientSettings));
