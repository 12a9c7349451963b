import * as apigatewayv2 from "@pulumi/aws/apigatewayv2";
import * as cloudwatch from "@pulumi/aws/cloudwatch";
import * as lambda from "@pulumi/aws/lambda";
import * as pulumi from "@pulumi/pulumi";
import { alarm } from "./alarm";
import { TributaryComponent } from "./component";
import type { FoundationRef } from "./foundation";
import { tagsFor } from "./foundation";
import type { LambdaFunction } from "./function";
import type { Transform } from "./transform";
import { applyTransform } from "./transform";

export interface HttpApiArgs {
  readonly foundation: FoundationRef;
  readonly description?: string;
  /** Cross-origin rules; left out: browsers of other origins are refused. */
  readonly cors?: {
    readonly allowOrigins: readonly string[];
    readonly allowMethods?: readonly string[];
    readonly allowHeaders?: readonly string[];
    readonly maxAgeSeconds?: number;
  };
  /** Requests a second beyond which the API answers 429. @default { rate: 1000, burst: 2000 } */
  readonly throttle?: { readonly rate: number; readonly burst: number };
  readonly transform?: Transform<apigatewayv2.ApiArgs>;
}

/** A Lambda authorizer of an API. */
export interface AuthorizerRef {
  readonly id: pulumi.Output<string>;
}

const accessLogFormat = JSON.stringify({
  requestId: "$context.requestId",
  time: "$context.requestTime",
  route: "$context.routeKey",
  status: "$context.status",
  latencyMs: "$context.responseLatency",
  integrationError: "$context.integrationErrorMessage",
  bytes: "$context.responseLength",
});

/**
 * An HTTP API with the `$default` stage: access logs (without addresses and without paths that hold identifiers),
 * throttling, alarms on errors and latency.
 */
export class HttpApi extends TributaryComponent {
  readonly api: apigatewayv2.Api;
  readonly stage: apigatewayv2.Stage;
  /** Base URL, without a trailing slash. */
  readonly url: pulumi.Output<string>;
  readonly #name: string;
  readonly #foundation: FoundationRef;
  readonly #integrations = new Map<LambdaFunction, apigatewayv2.Integration>();

  constructor(name: string, args: HttpApiArgs, opts?: pulumi.ComponentResourceOptions) {
    super("HttpApi", name, opts);
    this.#name = name;
    this.#foundation = args.foundation;
    const tags = tagsFor(args.foundation, this.module);
    const defaults: apigatewayv2.ApiArgs = {
      protocolType: "HTTP",
      ...(args.description === undefined ? {} : { description: args.description }),
      ...(args.cors === undefined
        ? {}
        : {
            corsConfiguration: {
              allowOrigins: [...args.cors.allowOrigins],
              allowMethods: [...(args.cors.allowMethods ?? ["GET", "POST", "OPTIONS"])],
              allowHeaders: [...(args.cors.allowHeaders ?? ["*"])],
              maxAge: args.cors.maxAgeSeconds ?? 3600,
            },
          }),
      tags,
    };
    this.api = new apigatewayv2.Api(name, applyTransform(defaults, args.transform), this.child());
    const logGroup = new cloudwatch.LogGroup(
      `${name}-access`,
      {
        // Vended logs: the prefix keeps the account's log resource policy from growing with each API.
        namePrefix: "/aws/vendedlogs/apis/",
        kmsKeyId: args.foundation.keyArn,
        retentionInDays: args.foundation.logRetentionDays,
        tags,
      },
      this.child(),
    );
    const throttle = args.throttle ?? { rate: 1000, burst: 2000 };
    this.stage = new apigatewayv2.Stage(
      `${name}-default`,
      {
        apiId: this.api.id,
        name: "$default",
        autoDeploy: true,
        accessLogSettings: { destinationArn: logGroup.arn, format: accessLogFormat },
        defaultRouteSettings: {
          detailedMetricsEnabled: true,
          throttlingRateLimit: throttle.rate,
          throttlingBurstLimit: throttle.burst,
        },
        tags,
      },
      this.child(),
    );
    this.url = this.api.apiEndpoint.apply((endpoint) => endpoint.replace(/\/+$/, ""));
    this.#watch();
    this.registerOutputs({ apiId: this.api.id, url: this.url });
  }

  /**
   * Sends a route to a function: `api.route("POST /v1/batch", collector)`.
   * Without an authorizer the function itself must know its callers.
   */
  route(
    routeKey: string,
    handler: LambdaFunction,
    options: { readonly authorizer?: AuthorizerRef } = {},
  ): apigatewayv2.Route {
    const part = routePart(routeKey);
    new lambda.Permission(
      `${this.#name}-${part}`,
      {
        action: "lambda:InvokeFunction",
        function: handler.name,
        principal: "apigateway.amazonaws.com",
        sourceArn: pulumi.interpolate`${this.api.executionArn}/*/${permissionPath(routeKey)}`,
      },
      this.child(),
    );
    return new apigatewayv2.Route(
      `${this.#name}-${part}`,
      {
        apiId: this.api.id,
        routeKey,
        target: pulumi.interpolate`integrations/${this.#integration(handler).id}`,
        ...(options.authorizer === undefined
          ? { authorizationType: "NONE" }
          : { authorizationType: "CUSTOM", authorizerId: options.authorizer.id }),
      },
      this.child(),
    );
  }

  /** A REQUEST authorizer with simple responses; answers are kept for five minutes per header value. */
  authorizer(name: string, handler: LambdaFunction, header = "authorization"): AuthorizerRef {
    const authorizer = new apigatewayv2.Authorizer(
      `${this.#name}-${name}`,
      {
        apiId: this.api.id,
        authorizerType: "REQUEST",
        authorizerUri: handler.function.invokeArn,
        authorizerPayloadFormatVersion: "2.0",
        enableSimpleResponses: true,
        identitySources: [`$request.header.${header}`],
        authorizerResultTtlInSeconds: 300,
      },
      this.child(),
    );
    new lambda.Permission(
      `${this.#name}-${name}-authorizer`,
      {
        action: "lambda:InvokeFunction",
        function: handler.name,
        principal: "apigateway.amazonaws.com",
        sourceArn: pulumi.interpolate`${this.api.executionArn}/authorizers/${authorizer.id}`,
      },
      this.child(),
    );
    return { id: authorizer.id };
  }

  #integration(handler: LambdaFunction): apigatewayv2.Integration {
    const made = this.#integrations.get(handler);
    if (made !== undefined) return made;
    const integration = new apigatewayv2.Integration(
      `${this.#name}-${handler.grantName}`,
      {
        apiId: this.api.id,
        integrationType: "AWS_PROXY",
        integrationUri: handler.function.invokeArn,
        payloadFormatVersion: "2.0",
      },
      this.child(),
    );
    this.#integrations.set(handler, integration);
    return integration;
  }

  #watch(): void {
    const common = {
      foundation: this.#foundation,
      module: this.module,
      namespace: "AWS/ApiGateway",
      dimensions: { ApiId: this.api.id },
      periods: 3,
    };
    alarm(
      `${this.#name}-5xx`,
      { ...common, description: `API ${this.#name} answers with 5xx.`, metric: "5xx", statistic: "Sum", above: 0 },
      this.child(),
    );
    alarm(
      `${this.#name}-latency`,
      {
        ...common,
        description: `One request in a hundred to API ${this.#name} takes longer than two seconds.`,
        metric: "Latency",
        statistic: "p99",
        above: 2000,
      },
      this.child(),
    );
  }
}

/** `POST /v1/batch` → `post-v1-batch`: stable, and different for each route key of one API. */
function routePart(routeKey: string): string {
  return routeKey === "$default"
    ? "route-default"
    : routeKey
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, "-")
        .replace(/^-+|-+$/g, "");
}

/** The part of the invoke ARN after the stage: method and path, with a `*` for each path variable. */
function permissionPath(routeKey: string): string {
  if (routeKey === "$default") return "$default";
  const [method = "", path = ""] = routeKey.split(" ");
  return `${method === "ANY" ? "*" : method}${path.replace(/\{[^}]+\}/g, "*")}`;
}
