import * as secretsmanager from "@pulumi/aws/secretsmanager";
import * as pulumi from "@pulumi/pulumi";
import { alarm, type Callback, grantSecretRead, handlerBundle, LambdaFunction, tagsFor } from "@tributary/core";
import type { Mapping } from "@tributary/model";
import { type EnvironmentOf, quarantinePrefix } from "../resources/shared";
import { type WebhookConfig, type WebhookProvider, type webhookEnv, webhookMapFile } from "../webhook-env";
import type { WebhookMap } from "../webhook-map";
import type { SourceBase, SourceContext, SourceKind } from "./source";
import { webhookFaults } from "./webhook-faults";

/** Where a provider says something: a header of the request, or a path into the JSON body (`data.id`). */
export type WebhookPlace = { readonly header: string } | { readonly field: string };

/** How a provider signs: HMAC over the request's raw bytes. */
export interface HmacSignature {
  /** The header that carries the signature. */
  readonly header: string;
  /** @default "sha256" */
  readonly algorithm?: "sha1" | "sha256" | "sha384" | "sha512";
  /** @default "hex" */
  readonly encoding?: "hex" | "base64" | "base64url";
  /** What stands before the signature in its header, such as `sha256=`. @default "" */
  readonly prefix?: string;
  /** The header with the time of signing (epoch seconds or milliseconds, or ISO 8601), which must be part of `signed`. */
  readonly timestampHeader?: string;
  /** How old a signed time may be, in seconds. @default 300 */
  readonly toleranceSeconds?: number;
  /** What is signed, of `{body}`, `{timestamp}` and literals: `v0:{timestamp}:{body}`. @default "{body}", with a time "{timestamp}.{body}" */
  readonly signed?: string;
  /** The provider's id of the event, by which a redelivery is known. Left out: equal bytes are the same event. */
  readonly id?: WebhookPlace;
  /** What kind of event it is; given to `map`. */
  readonly topic?: WebhookPlace;
}

/** The provider's signing secret, as text in Secrets Manager. */
export type WebhookSecret =
  | { readonly existing: { readonly arn: pulumi.Input<string>; readonly keyArn: pulumi.Input<string> } }
  | {
      /**
       * A secret of ours under the foundation's key. `value` left out: GitHub and `hmac` get a random one to enter at the
       * provider; Stripe's and Shopify's own is to be put in with `aws secretsmanager put-secret-value`, and until then
       * webhooks are answered 503.
       */
      readonly create: { readonly value?: pulumi.Input<string> };
    };

export interface WebhookArgs extends Pick<SourceBase, "writeKey" | "plan"> {
  readonly provider: "stripe" | "shopify" | "github" | { readonly hmac: HmacSignature };
  readonly secret: WebhookSecret;
  /**
   * How a payload becomes an event. Columns are paths into it (`data.object.customer`, `line_items.0.sku`), `header.<name>`,
   * and `webhook.id`, `webhook.topic`, `webhook.time`. Either this or `map`.
   */
  readonly mapping?: Mapping;
  /** Your code in place of a mapping. */
  readonly map?: Callback<WebhookMap>;
  /** Hours for which the secret before the current one is still good after a rotation, 0 to 168. @default 24 */
  readonly previousSecretHours?: number;
}

export interface WebhookSource extends WebhookArgs {
  readonly kind: "webhook";
}

/** Defaults of webhook sources. */
export const webhookDefaults = Object.freeze({
  previousSecretHours: 24,
  /** Seconds; what Stripe's libraries take. */
  toleranceSeconds: 300,
  /** Refused webhooks within five minutes that raise the alarm: strangers try doors, a wrong secret fails them all. */
  refusedAlarmAbove: 20,
});

/**
 * A provider's webhooks at `POST <collectorUrl>/v1/webhooks/<source id>`, signatures verified.
 *
 * ```ts
 * payments: webhook({ provider: "stripe", secret: { existing: stripeSecret }, mapping: stripeCharges })
 * ```
 */
export function webhook(args: WebhookArgs): WebhookSource {
  return { kind: "webhook", ...args };
}

export const webhookKind: SourceKind<WebhookSource> = {
  kind: "webhook",
  maker: "webhook()",
  keys: ["provider", "secret", "mapping", "map", "previousSecretHours"],
  maps: false,
  faults: webhookFaults,
  make,
};

function make(args: WebhookSource, context: SourceContext): Readonly<Record<string, pulumi.Resource>> {
  const { id, foundation, stream, quarantine, api, module, opts } = context;
  const name = `${context.name}-${id}-webhook`;
  const { secretArn, keyArn, secret } = secretOf(name, args, context);
  const environment: EnvironmentOf<typeof webhookEnv> = {
    EVENT_STREAM: stream.name,
    QUARANTINE_BUCKET: quarantine.name,
    SECRET_ARN: secretArn,
  };
  const config: WebhookConfig = {
    sourceId: id,
    provider: resolvedProvider(args.provider),
    previousSecretHours: args.previousSecretHours ?? webhookDefaults.previousSecretHours,
    ...(args.mapping === undefined ? {} : { mapping: args.mapping }),
  };
  const callbacks: Record<string, Callback<WebhookMap>> = args.map === undefined ? {} : { [webhookMapFile]: args.map };
  const receiver = new LambdaFunction(
    name,
    {
      foundation,
      bundle: handlerBundle(__dirname, "webhook"),
      calls: ["kinesis", "s3", "secretsmanager"],
      description: `Takes webhooks of source ${id} (${config.provider.kind}) and puts their events on the event stream.`,
      environment,
      config,
      callbacks,
      timeoutSeconds: 20,
    },
    opts,
  );
  stream.grantWrite(receiver);
  quarantine.grantWrite(receiver, quarantinePrefix);
  grantSecretRead(receiver, secretArn, keyArn);
  api.route(`POST /v1/webhooks/${id}`, receiver);
  alarm(
    `${name}-refused`,
    {
      foundation,
      module,
      description: `More than ${webhookDefaults.refusedAlarmAbove} webhooks of source ${id} were refused within five minutes: the signing secret is not the provider's (compare, put the right one), or somebody tries the door. What was refused is not kept; have the provider send it again.`,
      namespace: "Tributary",
      metric: "WebhooksRefused",
      dimensions: { service: "webhook", source: id },
      statistic: "Sum",
      above: webhookDefaults.refusedAlarmAbove,
      periodSeconds: 300,
    },
    opts,
  );
  return {
    receiver: receiver.function,
    receiverRole: receiver.role,
    ...(secret === undefined ? {} : { secret }),
  };
}

function resolvedProvider(provider: WebhookArgs["provider"]): WebhookProvider {
  if (provider === "stripe") return { kind: "stripe", toleranceSeconds: webhookDefaults.toleranceSeconds };
  if (typeof provider === "string") return { kind: provider };
  const { hmac } = provider;
  const lower = (place: WebhookPlace) => ("header" in place ? { header: place.header.toLowerCase() } : place);
  const timestamped = hmac.timestampHeader !== undefined;
  return {
    kind: "hmac",
    scheme: {
      header: hmac.header.toLowerCase(),
      algorithm: hmac.algorithm ?? "sha256",
      encoding: hmac.encoding ?? "hex",
      prefix: hmac.prefix ?? "",
      signed: hmac.signed ?? (timestamped ? "{timestamp}.{body}" : "{body}"),
      toleranceSeconds: hmac.toleranceSeconds ?? webhookDefaults.toleranceSeconds,
      ...(hmac.timestampHeader === undefined ? {} : { timestampHeader: hmac.timestampHeader.toLowerCase() }),
      ...(hmac.id === undefined ? {} : { id: lower(hmac.id) }),
      ...(hmac.topic === undefined ? {} : { topic: lower(hmac.topic) }),
    },
  };
}

interface MadeSecret {
  readonly secretArn: pulumi.Input<string>;
  readonly keyArn: pulumi.Input<string>;
  readonly secret?: secretsmanager.Secret;
}

function secretOf(name: string, args: WebhookSource, { id, foundation, module, opts }: SourceContext): MadeSecret {
  if ("existing" in args.secret) return { secretArn: args.secret.existing.arn, keyArn: args.secret.existing.keyArn };
  const { value } = args.secret.create;
  const secret = new secretsmanager.Secret(
    name,
    {
      description: `Signing secret of webhook source ${id}`,
      kmsKeyId: foundation.keyArn,
      tags: tagsFor(foundation, module, "sensitive"),
    },
    opts,
  );
  const drawn = value === undefined && (args.provider === "github" || typeof args.provider === "object");
  if (value !== undefined || drawn) {
    const parent = opts.parent === undefined ? {} : { parent: opts.parent };
    const text = drawn
      ? secretsmanager.getRandomPasswordOutput({ passwordLength: 48, excludePunctuation: true }, parent).randomPassword
      : value;
    new secretsmanager.SecretVersion(
      name,
      { secretId: secret.id, secretString: pulumi.secret(text ?? "") },
      // Each run draws anew: the first draw stays.
      pulumi.mergeOptions(opts, drawn ? { ignoreChanges: ["secretString"] } : {}),
    );
  }
  return { secretArn: secret.arn, keyArn: foundation.keyArn, secret };
}
