import { parseEnv } from "@tributary/runtime";
import { authorizerEnv } from "../env";
import { makeAuthorizer } from "../functions/authorizer";
import { secret } from "../store/secret";

const env = parseEnv(authorizerEnv);

/** Lets through who knows the profile API's token. */
export const handler = makeAuthorizer(secret(env.TOKEN_SECRET_ARN));
