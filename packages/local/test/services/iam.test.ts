import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AwsError, Kernel, type Principal, type Realiser } from "../../src/kernel";
import { assertTrusted, install, kmsPermissions } from "../../src/services/iam";
import { conditionsHold } from "../../src/services/iam/conditions";
import { readPolicy } from "../../src/services/iam/document";
import { evaluate } from "../../src/services/iam/evaluate";

const account = "000000000000";
const streamArn = `arn:aws:kinesis:us-east-1:${account}:stream/events`;
const tableArn = `arn:aws:dynamodb:us-east-1:${account}:table/profiles`;
const keyArn = `arn:aws:kms:us-east-1:${account}:key/k1`;

let folder: string;
let kernel: Kernel;
let realisers: Map<string, Realiser>;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tributary-iam-"));
  kernel = new Kernel({ dataDir: folder });
  realisers = new Map(install(kernel).map((realiser) => [realiser.type, realiser]));
});

afterEach(async () => {
  await kernel.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Puts a resource into the stack: through its realiser where IAM has one, else with the outputs given. */
async function add(type: string, name: string, inputs: Record<string, unknown>, outputs: Record<string, unknown> = {}) {
  const registered = { urn: `urn:pulumi:dev::test::${type}::${name}`, type, name, inputs };
  const made = (await realisers.get(type)?.compute(registered, kernel)) ?? { id: name, outputs };
  const resource = { ...registered, id: made.id, outputs: { ...inputs, ...outputs, ...made.outputs } };
  kernel.resources.set(resource.urn, resource);
  return resource;
}

const document = (...statements: object[]) => JSON.stringify({ Version: "2012-10-17", Statement: statements });
const allow = (Action: string | string[], Resource: string | string[] = "*", more: object = {}) => ({
  Effect: "Allow",
  Action,
  Resource,
  ...more,
});
const deny = (Action: string | string[], Resource: string | string[] = "*", more: object = {}) => ({
  Effect: "Deny",
  Action,
  Resource,
  ...more,
});
const lambdaTrust = document({
  Effect: "Allow",
  Action: "sts:AssumeRole",
  Principal: { Service: "lambda.amazonaws.com" },
  Condition: { StringEquals: { "aws:SourceAccount": account } },
});

async function role(name: string, inputs: Record<string, unknown> = {}): Promise<Principal> {
  await add("aws:iam/role:Role", name, { name, assumeRolePolicy: lambdaTrust, ...inputs });
  return { kind: "role", roleArn: `arn:aws:iam::${account}:role/${name}`, session: "collector" };
}

function outcome(principal: Principal, action: string, resource: string, context?: Record<string, string>): string {
  try {
    kernel.authorize(principal, { action, resource, ...(context && { context }) }, action.split(":")[1] ?? "");
    return "allowed";
  } catch (error) {
    if (error instanceof AwsError) return `${error.name} ${error.message}`;
    throw error;
  }
}

describe("evaluation", () => {
  const request = (action: string, resource: string) =>
    ({
      action,
      resource,
      context: new Map([["aws:principalarn", ["me"]]]),
      caller: { kind: "service", service: "x" },
    }) as const;

  test.each([
    ["exact", allow("s3:GetObject", "arn:aws:s3:::b/k"), "s3:GetObject", "arn:aws:s3:::b/k", true],
    ["action in another case", allow("S3:getobject"), "s3:GetObject", "arn:aws:s3:::b/k", true],
    ["wildcards", allow("s3:Get*", "arn:aws:s3:::b/*"), "s3:GetObject", "arn:aws:s3:::b/a/b", true],
    ["question mark", allow("s3:GetObject", "arn:aws:s3:::b/?"), "s3:GetObject", "arn:aws:s3:::b/ab", false],
    ["the bucket is not its objects", allow("s3:*", "arn:aws:s3:::b"), "s3:GetObject", "arn:aws:s3:::b/k", false],
    ["regular expressions are text", allow("s3:*", "arn:aws:s3:::b.c"), "s3:GetObject", "arn:aws:s3:::bxc", false],
    ["NotAction", { Effect: "Allow", NotAction: "iam:*", Resource: "*" }, "s3:GetObject", "x", true],
    ["NotAction excludes", { Effect: "Allow", NotAction: "iam:*", Resource: "*" }, "iam:GetRole", "x", false],
    ["NotResource", { Effect: "Allow", Action: "*", NotResource: "secret*" }, "s3:GetObject", "open", true],
    [
      "NotResource excludes",
      { Effect: "Allow", Action: "*", NotResource: "secret*" },
      "s3:GetObject",
      "secret1",
      false,
    ],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a policy variable
    ["policy variable", allow("*", "home/${aws:PrincipalArn}"), "s3:GetObject", "home/me", true],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a policy variable
    ["unknown policy variable", allow("*", "home/${aws:nothing}"), "s3:GetObject", "home/", false],
  ])("%s", (_name, statement, action, resource, expected) => {
    const policy = readPolicy(document(statement), "test");
    expect(evaluate([policy], request(action, resource), "identity").allow).toBe(expected);
  });

  test("a deny wins over any allow", () => {
    const policies = [document(allow("*")), document(deny("s3:DeleteObject"))].map((text) => readPolicy(text, "test"));
    expect(evaluate(policies, request("s3:DeleteObject", "x"), "identity")).toMatchObject({ deny: true, allow: false });
  });

  test.each([
    ["StringEquals", { k: "a" }, ["a"], true],
    ["StringEquals", { k: ["a", "b"] }, ["b"], true],
    ["StringEquals", { k: "a" }, undefined, false],
    ["StringNotEquals", { k: "a" }, ["b"], true],
    ["StringNotEquals", { k: "a" }, undefined, true],
    ["StringNotEquals", { k: ["a", "b"] }, ["b"], false],
    ["StringEqualsIfExists", { k: "a" }, undefined, true],
    ["StringEqualsIfExists", { k: "a" }, ["b"], false],
    ["StringEqualsIgnoreCase", { k: "A" }, ["a"], true],
    ["StringLike", { k: "a*c" }, ["abc"], true],
    ["StringNotLike", { k: "a*" }, ["abc"], false],
    ["ArnLike", { k: "arn:aws:s3:::*" }, ["arn:aws:s3:::b"], true],
    ["ArnNotEquals", { k: "arn:aws:s3:::b" }, ["arn:aws:s3:::c"], true],
    ["Bool", { k: "false" }, ["true"], false],
    ["Bool", { k: false }, ["false"], true],
    ["Bool", { k: "false" }, undefined, false],
    ["NumericLessThan", { k: "1.2" }, ["1.3"], false],
    ["NumericLessThan", { k: 1.2 }, ["1.1"], true],
    ["NumericGreaterThanEquals", { k: "10" }, ["9"], false],
    ["DateLessThan", { k: "2030-01-01T00:00:00Z" }, ["2026-01-01T00:00:00Z"], true],
    ["IpAddress", { k: "10.0.0.0/8" }, ["10.1.2.3"], true],
    ["NotIpAddress", { k: "10.0.0.0/8" }, ["10.1.2.3"], false],
    ["Null", { k: "true" }, undefined, true],
    ["Null", { k: "false" }, undefined, false],
    ["ForAllValues:StringEquals", { k: ["a", "b"] }, ["a", "b"], true],
    ["ForAllValues:StringEquals", { k: ["a"] }, ["a", "b"], false],
    ["ForAllValues:StringEquals", { k: ["a"] }, undefined, true],
    ["ForAnyValue:StringEquals", { k: ["a"] }, ["a", "b"], true],
    ["ForAnyValue:StringEquals", { k: ["a"] }, undefined, false],
  ])("%s %j against %j", (operator, keys, actual, expected) => {
    const text = document(allow("*", "*", { Condition: { [operator]: keys } }));
    const [statement] = readPolicy(text, "test").Statement;
    const context = new Map(actual ? [["k", actual]] : []);
    expect(conditionsHold(statement?.Condition, context)).toBe(expected);
  });

  test.each([
    ["not JSON", "{"],
    ["no effect", document({ Action: "*", Resource: "*" })],
    ["both Action and NotAction", document({ Effect: "Allow", Action: "*", NotAction: "x", Resource: "*" })],
    ["a misspelt member", document({ Effect: "Allow", Actions: "*", Resource: "*" })],
  ])("a malformed document is refused: %s", (_name, text) => {
    expect(() => readPolicy(text, "urn:x")).toThrow(/^urn:x: /);
  });
});

describe("roles", () => {
  test("removing one statement denies that call, in AWS's words", async () => {
    const principal = await role("collector-role");
    const both = document(allow("kinesis:PutRecords", streamArn), allow("dynamodb:GetItem", tableArn));
    await add("aws:iam/rolePolicy:RolePolicy", "p", { name: "p", role: "collector-role", policy: both });
    expect(outcome(principal, "kinesis:PutRecords", streamArn)).toBe("allowed");
    await add("aws:iam/rolePolicy:RolePolicy", "p", {
      name: "p",
      role: "collector-role",
      policy: document(allow("dynamodb:GetItem", tableArn)),
    });
    expect(outcome(principal, "kinesis:PutRecords", streamArn)).toBe(
      `AccessDeniedException User: arn:aws:sts::${account}:assumed-role/collector-role/collector is not authorized to ` +
        `perform: kinesis:PutRecords on resource: ${streamArn} because no identity-based policy allows the kinesis:PutRecords action`,
    );
    expect(outcome(principal, "dynamodb:GetItem", tableArn)).toBe("allowed");
  });

  test("inline, attached, customer managed and AWS managed policies count", async () => {
    const managed = await add("aws:iam/policy:Policy", "own", { name: "own", policy: document(allow("sqs:*")) });
    const principal = await role("r", {
      inlinePolicies: [{ name: "i", policy: document(allow("sns:Publish")) }],
      managedPolicyArns: ["arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"],
    });
    await add("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "a", { role: "r", policyArn: managed.outputs.arn });
    const cases = { "sns:Publish": true, "logs:PutLogEvents": true, "sqs:SendMessage": true, "s3:GetObject": false };
    for (const [action, expected] of Object.entries(cases)) {
      expect([action, outcome(principal, action, "x") === "allowed"]).toEqual([action, expected]);
    }
  });

  test("an AWS managed policy whose text is unknown is refused by name at deployment", async () => {
    const policyArn = "arn:aws:iam::aws:policy/AmazonS3FullAccess";
    const attached = add("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "a", { role: "r", policyArn });
    await expect(attached).rejects.toThrow(/AmazonS3FullAccess/);
  });

  test("a permissions boundary limits, and says so", async () => {
    const boundary = await add("aws:iam/policy:Policy", "b", { name: "b", policy: document(allow("s3:*")) });
    const inlinePolicies = [{ name: "i", policy: document(allow("*")) }];
    const principal = await role("bound", { inlinePolicies, permissionsBoundary: boundary.outputs.arn });
    expect(outcome(principal, "s3:GetObject", "arn:aws:s3:::b/k")).toBe("allowed");
    expect(outcome(principal, "sqs:SendMessage", "q")).toContain(
      "because no permissions boundary allows the sqs:SendMessage",
    );
  });

  test("condition keys of a call are not forgotten by the cache", async () => {
    const Condition = { "ForAllValues:StringEquals": { "dynamodb:LeadingKeys": ["mine"] } };
    const inlinePolicies = [{ name: "i", policy: document(allow("dynamodb:GetItem", tableArn, { Condition })) }];
    const principal = await role("keys", { inlinePolicies });
    expect(outcome(principal, "dynamodb:GetItem", tableArn, { "dynamodb:LeadingKeys": "mine" })).toBe("allowed");
    expect(outcome(principal, "dynamodb:GetItem", tableArn, { "dynamodb:LeadingKeys": "yours" })).toContain(
      "not authorized",
    );
  });

  test("trust: only the services that the role names may act under it", async () => {
    await role("fn");
    const roleArn = `arn:aws:iam::${account}:role/fn`;
    expect(() => assertTrusted(kernel, roleArn, "lambda.amazonaws.com")).not.toThrow();
    expect(() => assertTrusted(kernel, roleArn, "states.amazonaws.com")).toThrow(/states.amazonaws.com may not assume/);
    expect(() => assertTrusted(kernel, `${roleArn}x`, "lambda.amazonaws.com")).toThrow(/fnx cannot be found/);
  });

  test("a remembered decision costs next to nothing", async () => {
    const principal = await role("hot", {
      inlinePolicies: [{ name: "i", policy: document(allow("kinesis:*", streamArn)) }],
    });
    const required = { action: "kinesis:PutRecords", resource: streamArn };
    for (let warm = 0; warm < 20_000; warm += 1) kernel.authorize(principal, required, "PutRecords");
    const started = process.hrtime.bigint();
    for (let call = 0; call < 100_000; call += 1) kernel.authorize(principal, required, "PutRecords");
    const microseconds = Number(process.hrtime.bigint() - started) / 1000 / 100_000;
    // Measured below 0.5; the bound leaves room for a busy machine.
    expect(microseconds).toBeLessThan(5);
  });
});

describe("policies on resources", () => {
  const tlsOnly = (Resource: string[]) =>
    deny("s3:*", Resource, { Principal: "*", Condition: { Bool: { "aws:SecureTransport": "false" } } });

  test("a TLS-only bucket policy lets TLS through; an explicit deny on a prefix stops", async () => {
    const principal = await role("r", { inlinePolicies: [{ name: "i", policy: document(allow("s3:*")) }] });
    await add("aws:s3/bucketPolicy:BucketPolicy", "p", {
      bucket: "lake",
      policy: document(
        tlsOnly(["arn:aws:s3:::lake", "arn:aws:s3:::lake/*"]),
        deny("s3:GetObject", "arn:aws:s3:::lake/secret/*", { Principal: "*" }),
      ),
    });
    expect(outcome(principal, "s3:GetObject", "arn:aws:s3:::lake/open")).toBe("allowed");
    expect(outcome(principal, "s3:GetObject", "arn:aws:s3:::lake/secret/x")).toBe(
      `AccessDenied User: arn:aws:sts::${account}:assumed-role/r/collector is not authorized to perform: s3:GetObject on ` +
        'resource: "arn:aws:s3:::lake/secret/x" with an explicit deny in a resource-based policy',
    );
  });

  test("a service needs the resource's policy, with the source that it names", async () => {
    const queueArn = `arn:aws:sqs:us-east-1:${account}:q`;
    await add("aws:sqs/queue:Queue", "q", {}, { arn: queueArn });
    const s3: Principal = { kind: "service", service: "s3.amazonaws.com", sourceArn: "arn:aws:s3:::lake" };
    expect(outcome(s3, "sqs:SendMessage", queueArn)).toContain(
      "because no resource-based policy allows the sqs:SendMessage",
    );
    await add("aws:sqs/queuePolicy:QueuePolicy", "qp", {
      queueUrl: `http://127.0.0.1:1/${account}/q`,
      policy: document({
        Effect: "Allow",
        Action: "sqs:SendMessage",
        Resource: queueArn,
        Principal: { Service: "s3.amazonaws.com" },
        Condition: {
          ArnEquals: { "aws:SourceArn": "arn:aws:s3:::lake" },
          StringEquals: { "aws:SourceAccount": account },
        },
      }),
    });
    expect(outcome(s3, "sqs:SendMessage", queueArn)).toBe("allowed");
    expect(outcome({ ...s3, sourceArn: "arn:aws:s3:::other" }, "sqs:SendMessage", queueArn)).toContain(
      "not authorized",
    );
  });

  describe("a table that only the VPC endpoint may reach", () => {
    const policyFor = (endpoint: string) => ({
      resourceArn: tableArn,
      policy: document(
        deny(["dynamodb:GetItem", "dynamodb:PutItem"], tableArn, {
          Principal: "*",
          Condition: { StringNotEquals: { "aws:SourceVpce": endpoint } },
        }),
      ),
    });
    const fn = (vpcConfig: object | undefined) =>
      add("aws:lambda/function:Function", "collector", { ...(vpcConfig && { vpcConfig }) }, { name: "collector" });
    let principal: Principal;
    beforeEach(async () => {
      principal = await role("r", { inlinePolicies: [{ name: "i", policy: document(allow("dynamodb:*")) }] });
      await add("aws:dynamodb/resourcePolicy:ResourcePolicy", "p", policyFor("vpce-1"));
    });

    test("denies a function outside", async () => {
      await fn(undefined);
      expect(outcome(principal, "dynamodb:GetItem", tableArn)).toContain("explicit deny in a resource-based policy");
      expect(outcome(principal, "dynamodb:DescribeTable", tableArn)).toBe("allowed");
    });

    test("lets a function in the stack's VPC through its endpoint, not past it", async () => {
      await add("aws:ec2/subnet:Subnet", "subnet-1", { vpcId: "vpc-1" });
      await fn({ subnetIds: ["subnet-1"], securityGroupIds: [] });
      expect(outcome(principal, "dynamodb:GetItem", tableArn)).toContain("explicit deny");
      await add("aws:ec2/vpcEndpoint:VpcEndpoint", "vpce-1", {
        vpcId: "vpc-1",
        serviceName: "com.amazonaws.us-east-1.dynamodb",
      });
      expect(outcome(principal, "dynamodb:GetItem", tableArn)).toBe("allowed");
    });

    test("takes an adopted network to have the endpoint that the table asks for", async () => {
      await fn({ subnetIds: ["subnet-of-others"], securityGroupIds: [] });
      expect(outcome(principal, "dynamodb:GetItem", tableArn)).toBe("allowed");
    });
  });
});

describe("customer keys", () => {
  beforeEach(async () => {
    const delegated = allow("kms:*", "*", { Principal: { AWS: `arn:aws:iam::${account}:root` } });
    await add("aws:kms/key:Key", "k1", { policy: document(delegated) }, { arn: keyArn, keyId: "k1" });
    await add("aws:kinesis/stream:Stream", "s", { encryptionType: "KMS", kmsKeyId: "k1" }, { arn: streamArn });
  });

  test("a call on an encrypted stream needs the key, too", async () => {
    const without = await role("a", { inlinePolicies: [{ name: "i", policy: document(allow("kinesis:*")) }] });
    expect(outcome(without, "kinesis:PutRecords", streamArn)).toBe(
      `KMSAccessDeniedException User: arn:aws:sts::${account}:assumed-role/a/collector is not authorized to perform: ` +
        `kms:GenerateDataKey on resource: ${keyArn} because no identity-based policy allows the kms:GenerateDataKey action`,
    );
    const writer = document(allow("kinesis:*"), allow("kms:GenerateDataKey", keyArn));
    const withKey = await role("b", { inlinePolicies: [{ name: "i", policy: writer }] });
    expect(outcome(withKey, "kinesis:PutRecords", streamArn)).toBe("allowed");
    expect(outcome(withKey, "kinesis:GetRecords", streamArn)).toContain("kms:Decrypt");
  });

  test("a key's own policy can keep everybody else out", async () => {
    const only = allow("kms:*", "*", { Principal: { AWS: `arn:aws:iam::${account}:role/admin` } });
    await add("aws:kms/key:Key", "k1", { policy: document(only) }, { arn: keyArn, keyId: "k1" });
    const all = await role("c", { inlinePolicies: [{ name: "i", policy: document(allow("*")) }] });
    expect(outcome(all, "kinesis:PutRecords", streamArn)).toContain(
      "because no resource-based policy allows the kms:GenerateDataKey",
    );
  });

  test.each([
    ["kinesis:PutRecord", "PutRecord", ["kms:GenerateDataKey"]],
    ["kinesis:GetRecords", "GetRecords", ["kms:Decrypt"]],
    ["kinesis:DescribeStream", "DescribeStream", []],
    ["sqs:SendMessage", "SendMessage", ["kms:GenerateDataKey", "kms:Decrypt"]],
    ["sqs:ReceiveMessage", "ReceiveMessage", ["kms:Decrypt"]],
    ["sns:Publish", "Publish", ["kms:GenerateDataKey", "kms:Decrypt"]],
    ["s3:PutObject", "PutObject", ["kms:GenerateDataKey"]],
    ["s3:PutObject", "UploadPart", ["kms:GenerateDataKey", "kms:Decrypt"]],
    ["s3:GetObject", "GetObject", ["kms:Decrypt"]],
    ["s3:ListBucket", "ListObjectsV2", []],
    ["dynamodb:PutItem", "PutItem", []],
  ])("%s by %s needs %j", (action, operation, expected) => {
    expect(kmsPermissions(action, operation, keyArn).map((needed) => needed.action)).toEqual(expected);
  });
});
