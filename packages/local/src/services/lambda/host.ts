import { join } from "node:path";
import { AwsError, type InvokeResult, type Kernel, type LambdaHost, type Principal } from "../../kernel";
import { AsyncInvocations } from "./async-invocations";
import type { Outcome } from "./environment";
import { type EventInvokeConfig, type FunctionConfig, functionNameOf } from "./function-config";
import { LambdaFunction } from "./lambda-function";
import { ResourcePolicies } from "./resource-policy";

/** Lambda's own limits, in bytes. Source: "Lambda quotas" in the developer guide. */
export const payloadLimits = { sync: 6_291_456, async: 1_048_576 };

/** What running invocations may still take when a function is replaced, in milliseconds. */
const retireGraceMs = 10_000;

/** Every function of the stack, and the ways to invoke one. */
export class Host implements LambdaHost {
  readonly policies = new ResourcePolicies();
  readonly eventInvokeConfigs = new Map<string, EventInvokeConfig>();
  /** Folder of a layer version by ARN. */
  readonly layers = new Map<string, string>();
  /** Function name and alias of each alias ARN. */
  readonly aliases = new Map<
    string,
    { readonly functionName: string; readonly name: string; readonly version: string }
  >();
  private readonly functions = new Map<string, LambdaFunction>();
  private readonly async: AsyncInvocations;

  constructor(readonly kernel: Kernel) {
    this.async = new AsyncInvocations(kernel, this);
    kernel.track({ name: "lambda invocations", pending: () => this.running() });
  }

  async invoke(functionArn: string, payload: unknown, principal: Principal): Promise<InvokeResult> {
    const target = this.get(functionArn);
    this.authorize(target, functionArn, principal);
    const outcome = await this.run(target, JSON.stringify(payload) ?? "null");
    return outcome.error
      ? { payload: outcome.error, functionError: "Unhandled" }
      : { payload: JSON.parse(outcome.json) as unknown };
  }

  async invokeAsync(functionArn: string, payload: unknown, principal: Principal): Promise<void> {
    const target = this.get(functionArn);
    this.authorize(target, functionArn, principal);
    await this.enqueue(target.config, JSON.stringify(payload) ?? "null");
  }

  roleOf(functionArn: string): string {
    return this.get(functionArn).config.role;
  }

  /** The principal that the function acts as. */
  principalOf(config: FunctionConfig): Extract<Principal, { kind: "role" }> {
    return { kind: "role", roleArn: config.role, session: config.name };
  }

  /** The function of a name, ARN, version or alias. */
  get(reference: string): LambdaFunction {
    const found = this.functions.get(functionNameOf(reference));
    if (!found || !this.hasQualifier(reference, found.config)) {
      const name = reference.startsWith("arn:")
        ? reference
        : `arn:aws:lambda:${this.kernel.place.region}:${this.kernel.place.accountId}:function:${reference}`;
      throw new AwsError("ResourceNotFoundException", `Function not found: ${name}`, { status: 404 });
    }
    return found;
  }

  list(): FunctionConfig[] {
    return [...this.functions.values()].map(({ config }) => config);
  }

  /** Runs a function that the caller may run, on an event that is JSON already. Never rejects for what the handler does. */
  async run(target: LambdaFunction, event: string): Promise<Outcome> {
    if (target.config.reservedConcurrency === 0) {
      throw new AwsError("TooManyRequestsException", "Rate Exceeded.", {
        status: 429,
        details: { Reason: "ReservedFunctionConcurrentInvocationLimitExceeded" },
      });
    }
    checkSize(event, payloadLimits.sync, "RequestResponse");
    const outcome = await target.run(event);
    if (outcome.json !== undefined && Buffer.byteLength(outcome.json) > payloadLimits.sync) {
      const errorMessage = `Response payload size exceeded maximum allowed payload size (${payloadLimits.sync} bytes).`;
      return { error: { errorType: "Function.ResponseSizeTooLarge", errorMessage } };
    }
    return outcome;
  }

  /** Queues an event durably. */
  async enqueue(config: FunctionConfig, event: string): Promise<void> {
    checkSize(event, payloadLimits.async, "Event");
    await this.async.add(config.name, event);
  }

  /** @throws AwsError `AccessDeniedException` */
  authorize(target: LambdaFunction, reference: string, principal: Principal): void {
    const { config } = target;
    if (principal.kind === "service") {
      this.policies.check(config.name, config.arn, principal, this.kernel.place.accountId);
    } else {
      const resource = reference.startsWith("arn:") ? reference : config.arn;
      this.kernel.authorize(principal, { action: "lambda:InvokeFunction", resource }, "Invoke");
    }
  }

  add(config: FunctionConfig): void {
    const log = join(this.kernel.folder("logs"), `${config.name}.log`);
    this.functions.set(config.name, new LambdaFunction(this.kernel, config, log, (layer) => this.layerFolder(layer)));
    this.async.resume(config.name);
  }

  async remove(name: string): Promise<void> {
    const found = this.functions.get(name);
    this.functions.delete(name);
    await found?.retire(retireGraceMs);
  }

  /** Removes what is kept of a deleted function. */
  async destroy(name: string): Promise<void> {
    await this.async.forget(name);
  }

  /** Ends every environment at once; running invocations fail. */
  async stopEnvironments(): Promise<void> {
    await Promise.all([...this.functions.values()].map((each) => each.retire(0)));
  }

  /** Waits for what runs, then ends every environment. */
  async close(): Promise<void> {
    await this.async.close();
    await Promise.all([...this.functions.keys()].map((name) => this.remove(name)));
  }

  private layerFolder(arn: string): string {
    const folder = this.layers.get(arn);
    if (folder) return folder;
    throw new AwsError("InvalidParameterValueException", `Layer version ${arn} does not exist in this stack.`);
  }

  private hasQualifier(reference: string, config: FunctionConfig): boolean {
    const qualifier = /(?:^|:)function:[^:]+:([^:]+)$/.exec(reference)?.[1];
    if (!qualifier || qualifier === "$LATEST" || qualifier === config.version) return true;
    return [...this.aliases.values()].some((alias) => alias.functionName === config.name && alias.name === qualifier);
  }

  private running(): number {
    let sum = 0;
    for (const { load } of this.functions.values()) sum += load;
    return sum;
  }
}

function checkSize(event: string, limit: number, type: string): void {
  // A string of n UTF-16 units has between n and 3n bytes.
  if (event.length * 3 <= limit) return;
  const bytes = Buffer.byteLength(event);
  if (bytes <= limit) return;
  const message = `${bytes} byte payload is too large for the ${type} invocation type (limit ${limit} bytes)`;
  throw new AwsError("RequestTooLargeException", message, { status: 413 });
}
