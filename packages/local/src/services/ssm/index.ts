import { z } from "zod";
import { AwsError, arn, type Kernel, type Realiser, type Table } from "../../kernel";
import { defineService, operation, perKernel, physicalName, tagOutputs, text } from "../support";

interface ParameterRow {
  readonly name: string;
  readonly type: string;
  readonly value: string;
  readonly version: number;
  readonly modifiedAt: number;
}

const rowsOf = perKernel((kernel: Kernel): Table<ParameterRow> => kernel.store.table("ssm.parameters"));

function arnOf(kernel: Kernel, name: string): string {
  return arn(kernel.place, "ssm", `parameter${name.startsWith("/") ? "" : "/"}${name}`);
}

async function save(kernel: Kernel, name: string, type: string, value: string): Promise<ParameterRow> {
  const rows = rowsOf(kernel);
  return await kernel.store.write(() => {
    const before = rows.get(name);
    if (before?.type === type && before.value === value) return before;
    const row = { name, type, value, version: (before?.version ?? 0) + 1, modifiedAt: kernel.now() };
    rows.put(name, row);
    return row;
  });
}

const parameter: Realiser = {
  type: "aws:ssm/parameter:Parameter",
  replaceOn: ["name", "namePrefix", "keyId"],
  async compute(resource, kernel, previous) {
    const { inputs } = resource;
    const name = physicalName(resource, previous, 1011);
    const type = text(inputs.type) ?? "String";
    const value = inputs.value ?? inputs.insecureValue ?? inputs.valueWo;
    if (typeof value !== "string")
      throw new AwsError("ValidationException", `${resource.name}: a parameter needs a value`);
    const row = await save(kernel, name, type, value);
    const outputs = {
      name,
      type,
      arn: arnOf(kernel, name),
      version: row.version,
      value,
      tier: text(inputs.tier) ?? "Standard",
    };
    return { id: name, outputs: { ...outputs, dataType: "text", region: kernel.place.region, ...tagOutputs(inputs) } };
  },
  async destroy(resource, kernel) {
    await kernel.store.write(() => rowsOf(kernel).remove(resource.id));
  },
};

/** SSM parameters. Without `WithDecryption`, the value of a `SecureString` is masked rather than enciphered. */
export function install(kernel: Kernel): Realiser[] {
  const rows = rowsOf(kernel);
  const plainName = (name: string) => (name.startsWith("arn:") ? name.replace(/^.*:parameter/, "") : name);
  const find = (name: string) => rows.get(plainName(name)) ?? rows.get(plainName(name).replace(/^\//, ""));
  const needs = (action: string, names: readonly string[]) =>
    names.map((name) => ({ action: `ssm:${action}`, resource: arnOf(kernel, find(name)?.name ?? plainName(name)) }));
  const show = (row: ParameterRow, decrypt: boolean | undefined) => ({
    Name: row.name,
    Type: row.type,
    Value: row.type === "SecureString" && !decrypt ? "(encrypted: ask for WithDecryption)" : row.value,
    Version: row.version,
    ARN: arnOf(kernel, row.name),
    DataType: "text",
    LastModifiedDate: new Date(row.modifiedAt),
  });
  const missing = (name: string) => new AwsError("ParameterNotFound", `Parameter ${name} not found.`);
  const service = defineService("ssm", {
    GetParameter: operation(
      z.strictObject({ Name: z.string().min(1), WithDecryption: z.boolean().optional() }),
      ({ Name }) => needs("GetParameter", [Name]),
      ({ Name, WithDecryption }) => {
        const row = find(Name);
        if (!row) throw missing(Name);
        return { Parameter: show(row, WithDecryption) };
      },
    ),
    GetParameters: operation(
      z.strictObject({ Names: z.array(z.string()).min(1).max(10), WithDecryption: z.boolean().optional() }),
      ({ Names }) => needs("GetParameters", Names),
      ({ Names, WithDecryption }) => ({
        Parameters: Names.flatMap((name) => find(name) ?? []).map((row) => show(row, WithDecryption)),
        InvalidParameters: Names.filter((name) => !find(name)),
      }),
    ),
    GetParametersByPath: operation(
      z.strictObject({
        Path: z.string().startsWith("/"),
        Recursive: z.boolean().optional(),
        WithDecryption: z.boolean().optional(),
        MaxResults: z.number().optional(),
      }),
      ({ Path }) => needs("GetParametersByPath", [Path]),
      ({ Path, Recursive, WithDecryption }) => {
        const folder = Path.endsWith("/") ? Path : `${Path}/`;
        const inside = [...rows.entries({ start: folder, end: `${folder}\u{10ffff}` })].map(({ value }) => value);
        const wanted = inside.filter(({ name }) => Recursive || !name.slice(folder.length).includes("/"));
        return { Parameters: wanted.map((row) => show(row, WithDecryption)) };
      },
    ),
    PutParameter: operation(
      z.strictObject({
        Name: z.string().min(1),
        Value: z.string().min(1).max(8192),
        Type: z.enum(["String", "StringList", "SecureString"]).optional(),
        Overwrite: z.boolean().optional(),
      }),
      ({ Name }) => needs("PutParameter", [Name]),
      async ({ Name, Value, Type, Overwrite }) => {
        const before = find(Name);
        if (before && !Overwrite) throw new AwsError("ParameterAlreadyExists", "The parameter already exists.");
        const row = await save(kernel, Name, Type ?? before?.type ?? "String", Value);
        return { Version: row.version, Tier: "Standard" };
      },
    ),
    DeleteParameter: operation(
      z.strictObject({ Name: z.string().min(1) }),
      ({ Name }) => needs("DeleteParameter", [Name]),
      async ({ Name }) => {
        const row = find(Name);
        if (!row) throw missing(Name);
        await kernel.store.write(() => rows.remove(row.name));
        return {};
      },
    ),
  });
  kernel.register(service);
  return [parameter];
}
