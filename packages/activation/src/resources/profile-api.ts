import { join } from "node:path";
import * as secretsmanager from "@pulumi/aws/secretsmanager";
import * as pulumi from "@pulumi/pulumi";
import {
  type FoundationRef,
  grantSecretRead,
  grantTableRead,
  HttpApi,
  handlerBundle,
  LambdaFunction,
  type ProfileStoreRef,
  tagsFor,
} from "@tributary/core";
import type { ResolvedActivation } from "../normalize";
import { type ComputedStores, computedEnvironment, showComputed } from "./computed-stores";

const source = join(__dirname, "..");

/** The profile API: HTTP API, its function, and an authorizer that knows the bearer token. */
export function makeProfileApi(
  name: string,
  args: {
    readonly foundation: FoundationRef;
    readonly profiles: ProfileStoreRef;
    readonly resolved: ResolvedActivation;
    readonly computed: ComputedStores | undefined;
  },
  opts: pulumi.CustomResourceOptions,
): { readonly api: HttpApi; readonly handler: LambdaFunction; readonly secretArn: pulumi.Output<string> } {
  const { foundation, profiles, resolved, computed } = args;
  const secret = new secretsmanager.Secret(
    `${name}-profile-api`,
    {
      description: "Bearer token of the profile API",
      kmsKeyId: foundation.keyArn,
      tags: tagsFor(foundation, "activation", "sensitive"),
    },
    opts,
  );
  const drawn = resolved.profileApiToken === undefined;
  const token = drawn
    ? secretsmanager.getRandomPasswordOutput(
        { passwordLength: 48, excludePunctuation: true },
        { parent: opts.parent ?? undefined },
      ).randomPassword
    : resolved.profileApiToken;
  new secretsmanager.SecretVersion(
    `${name}-profile-api`,
    { secretId: secret.id, secretString: pulumi.secret(token ?? "") },
    // Each run draws anew: the first draw stays.
    { ...opts, ...(drawn ? { ignoreChanges: ["secretString"] } : {}) },
  );

  const handler = new LambdaFunction(
    `${name}-profile-api`,
    {
      foundation,
      bundle: handlerBundle(source, "profile-api"),
      calls: ["dynamodb"],
      description: "Answers who somebody is, and why.",
      environment: {
        GRAPH_TABLE: profiles.graph.name,
        PROFILES_TABLE: profiles.profiles.name,
        ...computedEnvironment(computed),
      },
      config: { rules: resolved.rules, ...(resolved.computed ? { computed: resolved.computed } : {}) },
      timeoutSeconds: 10,
    },
    opts,
  );
  grantTableRead(handler, profiles.graph);
  grantTableRead(handler, profiles.profiles);
  if (computed) showComputed(handler, computed);
  const authorizer = new LambdaFunction(
    `${name}-profile-api-authorizer`,
    {
      foundation,
      bundle: handlerBundle(source, "profile-api-authorizer"),
      calls: ["secretsmanager"],
      description: "Lets through who knows the profile API's token.",
      environment: { TOKEN_SECRET_ARN: secret.arn },
      timeoutSeconds: 10,
    },
    opts,
  );
  grantSecretRead(authorizer, secret.arn, foundation.keyArn);
  const api = new HttpApi(`${name}-profiles`, { foundation, description: "Profile API" }, opts);
  const bearer = api.authorizer("token", authorizer);
  api.route("GET /v1/profiles/{identifier}", handler, { authorizer: bearer });
  api.route("GET /v1/profiles/{identifier}/explain", handler, { authorizer: bearer });
  return { api, handler, secretArn: secret.arn };
}
