import { z } from "zod";
import { AwsError, type AwsService, arn, type Call, parseInput, type RequiredPermission } from "../../kernel";
import type { EventSourceMappings } from "./event-source/mappings";
import type { FunctionConfig } from "./function-config";
import type { Host } from "./host";

const invokeInput = z.object({
  FunctionName: z.string(),
  InvocationType: z.enum(["RequestResponse", "Event", "DryRun"]).default("RequestResponse"),
  Payload: z.union([z.string(), z.custom<Uint8Array>((value) => ArrayBuffer.isView(value))]).optional(),
  Qualifier: z.string().optional(),
});
const functionInput = z.object({ FunctionName: z.string(), Qualifier: z.string().optional() });
const mappingInput = z.object({ UUID: z.string() });
const updateMappingInput = z.object({ UUID: z.string(), Enabled: z.boolean().optional() }).strict();
const listMappingsInput = z.object({ FunctionName: z.string().optional(), EventSourceArn: z.string().optional() });

/** The Lambda API: what a program at run time asks of it. Functions and mappings are made by the stack. */
export class LambdaService implements AwsService {
  readonly name = "lambda";
  readonly operations = {
    Invoke: (input: object) => this.invoke(parseInput(invokeInput, input, "InvalidParameterValueException")),
    GetFunction: (input: object) => {
      const { config } = this.host.get(reference(parseInput(functionInput, input)));
      return {
        Configuration: describe(config),
        Code: { RepositoryType: "local", Location: `file://${config.taskRoot}` },
      };
    },
    GetFunctionConfiguration: (input: object) =>
      describe(this.host.get(reference(parseInput(functionInput, input))).config),
    ListFunctions: (_input: object, _call: Call) => ({ Functions: this.host.list().map(describe) }),
    ListEventSourceMappings: (input: object) => {
      const { FunctionName, EventSourceArn } = parseInput(listMappingsInput, input);
      const functionArn = FunctionName === undefined ? undefined : this.host.get(FunctionName).config.arn;
      const all = this.mappings.list().filter((mapping) => {
        if (functionArn !== undefined && mapping.FunctionArn !== functionArn) return false;
        return EventSourceArn === undefined || mapping.EventSourceArn === EventSourceArn;
      });
      return { EventSourceMappings: all };
    },
    GetEventSourceMapping: (input: object) => this.mappings.describe(parseInput(mappingInput, input).UUID),
    UpdateEventSourceMapping: async (input: object) => {
      const { UUID, Enabled } = parseInput(updateMappingInput, input, "InvalidParameterValueException");
      if (Enabled !== undefined) await this.mappings.setEnabled(UUID, Enabled);
      return this.mappings.describe(UUID);
    },
  };

  constructor(
    private readonly host: Host,
    private readonly mappings: EventSourceMappings,
  ) {}

  permissions(operation: string, input: Record<string, unknown>): RequiredPermission[] {
    const action = `lambda:${operation === "Invoke" ? "InvokeFunction" : operation}`;
    if (operation.startsWith("List")) return [{ action, resource: "*" }];
    const { place } = this.host.kernel;
    if (operation.endsWith("EventSourceMapping")) {
      return [{ action, resource: arn(place, "lambda", `event-source-mapping:${input.UUID}`) }];
    }
    const name = reference({
      FunctionName: String(input.FunctionName),
      Qualifier: input.Qualifier as string | undefined,
    });
    return [{ action, resource: name.startsWith("arn:") ? name : arn(place, "lambda", `function:${name}`) }];
  }

  private async invoke(input: z.infer<typeof invokeInput>) {
    const target = this.host.get(reference(input));
    const { Payload, InvocationType } = input;
    const event = typeof Payload === "string" ? Payload : Payload ? Buffer.from(Payload).toString() : "{}";
    assertJson(event);
    if (InvocationType === "DryRun") return { StatusCode: 204 };
    if (InvocationType === "Event") {
      await this.host.enqueue(target.config, event);
      return { StatusCode: 202, Payload: new Uint8Array() };
    }
    const outcome = await this.host.run(target, event);
    return {
      StatusCode: 200,
      ExecutedVersion: target.config.version,
      Payload: new TextEncoder().encode(outcome.error ? JSON.stringify(outcome.error) : outcome.json),
      ...(outcome.error ? { FunctionError: "Unhandled" } : {}),
    };
  }
}

function reference(input: { FunctionName: string; Qualifier?: string | undefined }): string {
  const { FunctionName, Qualifier } = input;
  if (!Qualifier) return FunctionName;
  return FunctionName.includes("function:") ? `${FunctionName}:${Qualifier}` : `function:${FunctionName}:${Qualifier}`;
}

function assertJson(event: string): void {
  try {
    JSON.parse(event);
  } catch (error) {
    const message = `Could not parse request body into json: ${error instanceof Error ? error.message : error}`;
    throw new AwsError("InvalidRequestContentException", message);
  }
}

function describe(config: FunctionConfig) {
  return {
    FunctionName: config.name,
    FunctionArn: config.arn,
    Runtime: config.runtime,
    Role: config.role,
    Handler: config.handler,
    Timeout: config.timeoutMs / 1000,
    MemorySize: config.memoryMb,
    CodeSha256: config.codeSha256,
    Version: config.version,
    Environment: { Variables: { ...config.environment } },
    PackageType: "Zip",
    Architectures: [...config.architectures],
    State: "Active",
    LastUpdateStatus: "Successful",
  };
}
