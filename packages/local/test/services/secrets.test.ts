import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Kernel, type Principal, type Realiser, type Resource, rootPrincipal } from "../../src/kernel";
import * as cloudwatch from "../../src/services/cloudwatch";
import * as iam from "../../src/services/iam";
import * as kms from "../../src/services/kms";
import * as secretsManager from "../../src/services/secrets-manager";
import * as ssm from "../../src/services/ssm";
import * as sts from "../../src/services/sts";

const account = "000000000000";
let folder: string;
let kernel: Kernel;
let realisers: Map<string, Realiser>;

function start(): void {
  kernel = new Kernel({ dataDir: folder });
  const services = [iam, kms, sts, secretsManager, ssm, cloudwatch];
  realisers = new Map(services.flatMap(({ install }) => install(kernel)).map((realiser) => [realiser.type, realiser]));
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tributary-secrets-"));
  start();
});

afterEach(async () => {
  await kernel.close();
  rmSync(folder, { recursive: true, force: true });
});

async function make(type: string, name: string, inputs: Record<string, unknown>): Promise<Resource> {
  const realiser = realisers.get(type);
  if (!realiser) throw new Error(`no realiser for ${type}`);
  const registered = { urn: `urn:pulumi:dev::test::${type}::${name}`, type, name, inputs };
  const { id, outputs } = await realiser.compute(registered, kernel);
  const resource: Resource = { ...registered, id, outputs: { ...inputs, ...outputs } };
  kernel.resources.set(resource.urn, resource);
  await realiser.attach?.(resource, kernel);
  return resource;
}

const call = (service: string, operation: string, input: object, principal: Principal = rootPrincipal) =>
  kernel.call(service, operation, input, principal);

async function failure(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "no failure",
    (error: Error) => `${error.name}: ${error.message}`,
  );
}

async function role(
  name: string,
  statements: object[],
  trusted: object = { Service: "lambda.amazonaws.com" },
): Promise<Principal> {
  const { outputs } = await make("aws:iam/role:Role", name, {
    name,
    assumeRolePolicy: JSON.stringify({ Statement: { Effect: "Allow", Action: "sts:AssumeRole", Principal: trusted } }),
    inlinePolicies: [{ name: "p", policy: JSON.stringify({ Statement: statements }) }],
  });
  return { kind: "role", roleArn: String(outputs.arn), session: "fn" };
}

describe("Secrets Manager", () => {
  test("a secret of the program is there after a restart, and a new version replaces the old", async () => {
    const secret = await make("aws:secretsmanager/secret:Secret", "s", { name: "app/token", description: "d" });
    expect(secret.id).toMatch(/^arn:aws:secretsmanager:us-east-1:000000000000:secret:app\/token-[A-Za-z0-9]{6}$/);
    const first = await make("aws:secretsmanager/secretVersion:SecretVersion", "v", {
      secretId: secret.id,
      secretString: "one",
    });
    await kernel.close();
    start();
    for (const SecretId of ["app/token", secret.id, secret.id.slice(0, -7)]) {
      expect(await call("secrets-manager", "GetSecretValue", { SecretId })).toMatchObject({
        ARN: secret.id,
        SecretString: "one",
        VersionId: first.outputs.versionId,
        VersionStages: ["AWSCURRENT"],
      });
    }
    await call("secrets-manager", "PutSecretValue", {
      SecretId: "app/token",
      SecretString: "two",
      ClientRequestToken: "t2",
    });
    expect(await call("secrets-manager", "GetSecretValue", { SecretId: "app/token" })).toMatchObject({
      SecretString: "two",
    });
    const before = { SecretId: "app/token", VersionStage: "AWSPREVIOUS" };
    expect(await call("secrets-manager", "GetSecretValue", before)).toMatchObject({ SecretString: "one" });
    // The same token again is the same request; with other content it is a fault.
    const again = { SecretId: "app/token", ClientRequestToken: "t2" };
    await call("secrets-manager", "PutSecretValue", { ...again, SecretString: "two" });
    const changed = call("secrets-manager", "PutSecretValue", { ...again, SecretString: "three" });
    expect(await failure(changed)).toContain("ResourceExistsException");
  });

  test("create, describe, list, delete and restore by the program", async () => {
    const SecretBinary = new Uint8Array([1, 2, 255]);
    await call("secrets-manager", "CreateSecret", { Name: "bin", SecretBinary });
    expect(await call("secrets-manager", "GetSecretValue", { SecretId: "bin" })).toMatchObject({ SecretBinary });
    expect(await failure(call("secrets-manager", "CreateSecret", { Name: "bin" }))).toContain(
      "ResourceExistsException",
    );
    await call("secrets-manager", "DeleteSecret", { SecretId: "bin" });
    expect(await failure(call("secrets-manager", "GetSecretValue", { SecretId: "bin" }))).toContain(
      "InvalidRequestException",
    );
    expect(await call("secrets-manager", "ListSecrets", {})).toEqual({ SecretList: [] });
    expect(await failure(call("secrets-manager", "GetSecretValue", { SecretId: "none" }))).toContain(
      "ResourceNotFoundException",
    );
    const unknown = call("secrets-manager", "CreateSecret", { Name: "x", AddReplicaRegions: [] });
    expect(await failure(unknown)).toContain("secrets-manager.CreateSecret with AddReplicaRegions");
    const { RandomPassword } = await call("secrets-manager", "GetRandomPassword", {
      PasswordLength: 20,
      ExcludePunctuation: true,
    });
    expect(RandomPassword).toMatch(/^[A-Za-z0-9]{20}$/);
  });

  test("reading one that a customer key encrypts needs the key, too", async () => {
    const key = await make("aws:kms/key:Key", "k", {});
    const secret = await make("aws:secretsmanager/secret:Secret", "s", { name: "s", kmsKeyId: key.outputs.keyId });
    await make("aws:secretsmanager/secretVersion:SecretVersion", "v", { secretId: secret.id, secretString: "x" });
    const read = { Effect: "Allow", Action: "secretsmanager:GetSecretValue", Resource: secret.id };
    const decrypt = { Effect: "Allow", Action: "kms:Decrypt", Resource: key.outputs.arn };
    const input = { SecretId: secret.id };
    const without = call("secrets-manager", "GetSecretValue", input, await role("a", [read]));
    expect(await failure(without)).toContain(
      "AccessDeniedException: User: arn:aws:sts::000000000000:assumed-role/a/fn",
    );
    const withKey = await call("secrets-manager", "GetSecretValue", input, await role("b", [read, decrypt]));
    expect(withKey.SecretString).toBe("x");
  });
});

describe("KMS", () => {
  test("gives back what it sealed, for the same key and context only, and says that it hides nothing", async () => {
    const key = await make("aws:kms/key:Key", "k", {});
    await make("aws:kms/alias:Alias", "a", { name: "alias/app", targetKeyId: key.outputs.keyId });
    const EncryptionContext = { tenant: "1" };
    const Plaintext = new Uint8Array([0, 10, 255]);
    const { CiphertextBlob, KeyId } = await call("kms", "Encrypt", {
      KeyId: "alias/app",
      Plaintext,
      EncryptionContext,
    });
    expect(KeyId).toBe(key.outputs.arn);
    expect(Buffer.from(CiphertextBlob as Uint8Array).toString("latin1")).toContain("not encrypted");
    expect(await call("kms", "Decrypt", { CiphertextBlob, EncryptionContext })).toMatchObject({ Plaintext, KeyId });
    expect(await failure(call("kms", "Decrypt", { CiphertextBlob }))).toContain("InvalidCiphertextException");
    expect(await failure(call("kms", "Encrypt", { KeyId: "alias/none", Plaintext }))).toContain("NotFoundException");
    const data = await call("kms", "GenerateDataKey", { KeyId, KeySpec: "AES_256" });
    const opened = await call("kms", "Decrypt", { CiphertextBlob: data.CiphertextBlob });
    expect([(data.Plaintext as Uint8Array).byteLength, opened.Plaintext]).toEqual([32, data.Plaintext]);
    const stranger = call("kms", "Decrypt", { CiphertextBlob, EncryptionContext }, await role("r", []));
    expect(await failure(stranger)).toContain(`not authorized to perform: kms:Decrypt on resource: ${KeyId}`);
  });
});

describe("STS", () => {
  test("says who is calling, and lends roles to those whom they trust", async () => {
    const caller = await role("caller", [{ Effect: "Allow", Action: "sts:AssumeRole", Resource: "*" }]);
    expect(await call("sts", "GetCallerIdentity", {}, caller)).toMatchObject({
      Account: account,
      Arn: `arn:aws:sts::${account}:assumed-role/caller/fn`,
    });
    await role("open", [], { AWS: `arn:aws:iam::${account}:root` });
    await role("closed", []);
    const assume = (name: string, principal: Principal) =>
      call("sts", "AssumeRole", { RoleArn: `arn:aws:iam::${account}:role/${name}`, RoleSessionName: "job" }, principal);
    const lent = (await assume("open", caller)).Credentials as { AccessKeyId: string; Expiration: Date };
    expect(kernel.credentials.resolve(lent.AccessKeyId)).toEqual({
      kind: "role",
      roleArn: `arn:aws:iam::${account}:role/open`,
      session: "job",
    });
    expect(lent.Expiration.getTime()).toBeGreaterThan(Date.now());
    expect(await failure(assume("closed", caller))).toContain("AccessDenied");
    expect(await failure(assume("open", await role("poor", [])))).toContain(
      "because no identity-based policy allows the sts:AssumeRole",
    );
  });
});

describe("SSM and CloudWatch", () => {
  test("parameters keep their versions and mask what is secret", async () => {
    const made = await make("aws:ssm/parameter:Parameter", "p", {
      name: "/app/url",
      type: "String",
      value: "http://x",
    });
    expect(made.outputs).toMatchObject({ version: 1, arn: `arn:aws:ssm:us-east-1:${account}:parameter/app/url` });
    await call("ssm", "PutParameter", { Name: "/app/url", Value: "http://y", Overwrite: true });
    await call("ssm", "PutParameter", { Name: "/app/key", Value: "s3cret", Type: "SecureString" });
    expect(await call("ssm", "GetParametersByPath", { Path: "/app", WithDecryption: true })).toMatchObject({
      Parameters: [
        { Name: "/app/key", Value: "s3cret" },
        { Name: "/app/url", Value: "http://y", Version: 2 },
      ],
    });
    expect(JSON.stringify(await call("ssm", "GetParameter", { Name: "/app/key" }))).not.toContain("s3cret");
    expect(await failure(call("ssm", "GetParameter", { Name: "/none" }))).toContain("ParameterNotFound");
    expect(await failure(call("ssm", "PutParameter", { Name: "/app/url", Value: "z" }))).toContain(
      "ParameterAlreadyExists",
    );
  });

  test("metrics are summed, alarms and log groups known by name", async () => {
    const Dimensions = [{ Name: "reason", Value: "bot" }];
    const MetricData = [
      { MetricName: "Dropped", Dimensions, Value: 2 },
      { MetricName: "Dropped", Dimensions, Values: [1, 3], Counts: [2, 1] },
    ];
    await call("cloudwatch", "PutMetricData", { Namespace: "App", MetricData });
    expect(kernel.metrics.sum("Dropped", { reason: "bot" })).toBe(7);
    const alarm = await make("aws:cloudwatch/metricAlarm:MetricAlarm", "errors", {
      name: "errors",
      metricName: "Errors",
    });
    expect(alarm.outputs.arn).toBe(`arn:aws:cloudwatch:us-east-1:${account}:alarm:errors`);
    expect(await call("cloudwatch", "DescribeAlarms", {})).toMatchObject({
      MetricAlarms: [{ StateValue: "INSUFFICIENT_DATA" }],
    });
    await make("aws:cloudwatch/logGroup:LogGroup", "lg", { name: "/aws/lambda/fn", retentionInDays: 7 });
    expect(await call("cloudwatch-logs", "DescribeLogGroups", {})).toMatchObject({
      logGroups: [{ logGroupName: "/aws/lambda/fn", retentionInDays: 7 }],
    });
  });
});
