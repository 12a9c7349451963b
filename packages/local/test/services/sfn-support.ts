import type { InvokeResult, Kernel, Principal, RequiredPermission } from "../../src/kernel";
import { AwsError } from "../../src/kernel";
import * as eventbridge from "../../src/services/eventbridge";
import * as glue from "../../src/services/glue";
import * as s3 from "../../src/services/s3";
import * as sfn from "../../src/services/sfn";
import * as sqs from "../../src/services/sqs";
import { TestLake } from "./lake-support";

export type States = Record<string, unknown>;
type Row = ReturnType<ReturnType<typeof sfn.executionsOf>["get"]>;
export type TestFunction = (payload: never) => Promise<unknown>;

export const roleArn = "arn:aws:iam::000000000000:role/machine";
export const fn = (name: string) => `arn:aws:lambda:us-east-1:000000000000:function:${name}`;

/** What a function fails with: `errorType` and `errorMessage` as Lambda tells them. */
export class FunctionError extends Error {
  constructor(
    readonly errorType: string,
    message = "",
  ) {
    super(message);
  }
}

/** A runtime with S3, SQS, EventBridge, Glue and Step Functions, and functions that a test gives. */
export class TestMachines {
  readonly allowed: { action: string; resource: string }[] = [];
  /** Permission that everybody lacks. */
  refuse: string | undefined;
  readonly lake: TestLake;

  constructor(
    readonly functions: Record<string, TestFunction>,
    timeScale = 0.001,
  ) {
    this.lake = TestLake.open((kernel) => this.install(kernel), { timeScale });
    this.lake.role("machine", "states.amazonaws.com");
  }

  get kernel(): Kernel {
    return this.lake.kernel;
  }

  get executions(): ReturnType<typeof sfn.executionsOf> {
    return sfn.executionsOf(this.kernel);
  }

  async bucket(name: string): Promise<void> {
    await this.lake.add("aws:s3/bucket:Bucket", name, { bucket: name });
  }

  /** Makes a state machine; its ARN. */
  async make(name: string, definition: Record<string, unknown>, type = "STANDARD"): Promise<string> {
    const inputs = { name, roleArn, type, definition: JSON.stringify(definition) };
    return (await this.lake.add("aws:sfn/stateMachine:StateMachine", name, inputs)).id;
  }

  async start(stateMachineArn: string, input: unknown = {}, name?: string): Promise<string> {
    const given = { stateMachineArn, input: JSON.stringify(input), ...(name && { name }) };
    return (await this.kernel.call<{ executionArn: string }>("sfn", "StartExecution", given)).executionArn;
  }

  async run(stateMachineArn: string, input: unknown = {}): Promise<Row> {
    return await this.settled(await this.start(stateMachineArn, input));
  }

  async settled(executionArn: string): Promise<Row> {
    return await this.executions.settled(executionArn);
  }

  types(executionArn: string): string[] {
    return this.executions.journals.histories.list(executionArn).map(({ type }) => type);
  }

  async close(): Promise<void> {
    await this.lake.close();
  }

  private install(kernel: Kernel) {
    kernel.lambda = {
      invoke: async (arn, payload): Promise<InvokeResult> => {
        const run = this.functions[arn.split(":").at(-1) ?? ""];
        if (!run) throw new AwsError("ResourceNotFoundException", `no function ${arn}`);
        try {
          return { payload: await run(payload as never) };
        } catch (error) {
          if (!(error instanceof FunctionError)) throw error;
          const { errorType, message } = error;
          return { payload: { errorType, errorMessage: message }, functionError: "Unhandled" };
        }
      },
      invokeAsync: async (arn, payload) => {
        void this.functions[arn.split(":").at(-1) ?? ""]?.(payload as never);
      },
      roleOf: () => roleArn,
    };
    kernel.authorizer = {
      check: (_principal: Principal, { action, resource }: RequiredPermission) => {
        if (action === this.refuse)
          throw new AwsError("AccessDeniedException", `not authorized to perform ${action} on ${resource}`);
        this.allowed.push({ action, resource });
      },
    };
    return [s3, sqs, eventbridge, glue, sfn].flatMap((service) => service.install(kernel));
  }
}

/** A case of the language: a machine, what it is given, and what comes of it. */
export interface Case {
  /** Section of states-language.net, or of AWS's Step Functions guide where it begins with "guide:". */
  readonly section: string;
  readonly name: string;
  readonly states: States;
  readonly startAt?: string;
  readonly jsonata?: boolean;
  readonly input?: unknown;
  readonly output?: unknown;
  readonly error?: string;
  /** Part of the cause. */
  readonly cause?: string;
}

/** Runs cases, each as a machine of its own. */
export function goldenCases(cases: readonly Case[], functions: Record<string, TestFunction> = {}): void {
  let machines: TestMachines;
  beforeAll(() => {
    machines = new TestMachines(functions);
  });
  afterAll(() => machines.close());

  it.each(cases.map((each, index) => ({ ...each, index })))(
    "$section: $name",
    async ({ index, states, startAt = "S", jsonata, input, output, error, cause }) => {
      const language = jsonata ? { QueryLanguage: "JSONata" } : {};
      const arn = await machines.make(`case-${index}`, { StartAt: startAt, States: states, ...language });
      const row = await machines.run(arn, input);
      if (error === undefined) {
        expect({ error: row.error, cause: row.cause, output: JSON.parse(row.output ?? "null") }).toEqual({ output });
      } else {
        expect(row).toMatchObject({ status: "FAILED", error });
        expect(row.cause).toContain(cause ?? "");
      }
    },
  );
}

/** One Pass state. */
export const pass = (fields: Record<string, unknown>): States => ({ S: { Type: "Pass", End: true, ...fields } });
/** One Choice: "yes" where its rule holds, else "no". */
export const choice = (rule: Record<string, unknown>): States => ({
  S: { Type: "Choice", Choices: [{ ...rule, Next: "Yes" }], Default: "No" },
  Yes: { Type: "Pass", Result: "yes", End: true },
  No: { Type: "Pass", Result: "no", End: true },
});
/** One Task that calls a function. */
export const task = (name: string, fields: Record<string, unknown> = {}): States => ({
  S: { Type: "Task", Resource: fn(name), End: true, ...fields },
});
export const intrinsic = (call: string): States => pass({ Parameters: { "v.$": call } });
