import { arn, type Kernel, type Resource } from "../../kernel";
import { derived, isRecord, records, text, texts } from "../support";
import { type PolicyDocument, readPolicy } from "./document";
import { awsManagedPolicy, isAwsManaged } from "./managed-policies";
import { type NetworkIndex, networkIndex } from "./network";

export interface RoleEntry {
  readonly name: string;
  readonly arn: string;
  readonly trust: PolicyDocument;
  readonly identity: readonly PolicyDocument[];
  readonly boundary?: PolicyDocument;
}

/** What the stack's resources say about who may do what. */
export interface Directory {
  role(arn: string): RoleEntry | undefined;
  readonly roleArns: readonly string[];
  /** Policies on the resource itself; for an object that of its bucket, for an index that of its table. */
  resourcePolicies(resourceArn: string): readonly PolicyDocument[];
  /** The customer key that a stream, queue, topic, bucket or secret is encrypted with. */
  keyOf(resourceArn: string): string | undefined;
  /** Whether any policy mentions a condition key. */
  mentions(conditionKey: string): boolean;
  readonly network: NetworkIndex;
}

interface Source {
  readonly policy: unknown;
  readonly from: string;
}

interface RoleDraft {
  readonly resource: Resource;
  readonly documents: Source[];
  readonly attached: Set<string>;
}

/** The directory of a kernel, built again only after resources have changed. */
export function directory(kernel: Kernel): () => Directory {
  return derived(kernel, (resources) => buildDirectory(kernel, [...resources]));
}

function buildDirectory(kernel: Kernel, resources: readonly Resource[]): Directory {
  const roles = new Map<string, RoleDraft>();
  const arnsByName = new Map<string, string>();
  const policies = new Map<string, Source>();
  const onResources = new Map<string, Source[]>();
  const keys = new Map<string, string>();
  const keyNames = new Map<string, string>();
  const everything: string[] = [];

  for (const resource of resources) {
    if (resource.type === "aws:iam/role:Role") {
      const roleArn = String(resource.outputs.arn);
      roles.set(roleArn, { resource, documents: [], attached: new Set() });
      arnsByName.set(String(resource.outputs.name), roleArn);
    } else if (resource.type === "aws:iam/policy:Policy") {
      policies.set(String(resource.outputs.arn), { policy: resource.inputs.policy, from: resource.urn });
    }
    for (const [target, source] of policiesOnResources(kernel, resource)) {
      onResources.set(target, [...(onResources.get(target) ?? []), source]);
    }
    for (const name of keyNamesOf(resource))
      keyNames.set(name, String(resource.outputs.targetKeyArn ?? resource.outputs.arn));
  }
  const draftOf = (name: unknown): RoleDraft | undefined => {
    const wanted = text(name)?.split("/").at(-1) ?? "";
    return roles.get(arnsByName.get(wanted) ?? "");
  };
  for (const resource of resources) {
    const { type, inputs, urn } = resource;
    if (type === "aws:iam/role:Role") {
      const draft = roles.get(String(resource.outputs.arn));
      for (const { policy } of records(inputs.inlinePolicies)) draft?.documents.push({ policy, from: urn });
      for (const attached of texts(inputs.managedPolicyArns)) draft?.attached.add(attached);
    } else if (type === "aws:iam/rolePolicy:RolePolicy") {
      draftOf(inputs.role)?.documents.push({ policy: inputs.policy, from: urn });
    } else if (type === "aws:iam/rolePolicyAttachment:RolePolicyAttachment") {
      draftOf(inputs.role)?.attached.add(String(inputs.policyArn));
    } else if (type === "aws:iam/policyAttachment:PolicyAttachment") {
      for (const role of texts(inputs.roles)) draftOf(role)?.attached.add(String(inputs.policyArn));
    }
    const [encrypted, key] = encryptionOf(resource);
    if (encrypted && key) keys.set(encrypted, keyNames.get(key) ?? keyArnOf(kernel, key));
    for (const value of [inputs.policy, inputs.assumeRolePolicy, inputs.inlinePolicies]) {
      if (value !== undefined)
        everything.push((typeof value === "string" ? value : JSON.stringify(value)).toLowerCase());
    }
  }

  const managed = (policyArn: string): PolicyDocument => {
    if (isAwsManaged(policyArn)) return awsManagedPolicy(policyArn);
    const source = policies.get(policyArn);
    // Attached, but not (or no longer) in the stack: it allows nothing.
    return source ? readPolicy(source.policy, source.from) : { Statement: [] };
  };
  const entries = new Map<string, RoleEntry>();
  const documents = new Map<string, readonly PolicyDocument[]>();
  const mentioned = new Map<string, boolean>();
  return {
    roleArns: [...roles.keys()],
    network: networkIndex(resources),
    role(roleArn) {
      const draft = roles.get(roleArn);
      if (!draft) return undefined;
      let entry = entries.get(roleArn);
      if (!entry) {
        const boundary = text(draft.resource.inputs.permissionsBoundary);
        entry = {
          name: String(draft.resource.outputs.name),
          arn: roleArn,
          trust: readPolicy(draft.resource.inputs.assumeRolePolicy, draft.resource.urn),
          identity: [
            ...draft.documents.map(({ policy, from }) => readPolicy(policy, from)),
            ...[...draft.attached].map(managed),
          ],
          ...(boundary && { boundary: managed(boundary) }),
        };
        entries.set(roleArn, entry);
      }
      return entry;
    },
    resourcePolicies(resourceArn) {
      const owner = ownerOf(resourceArn);
      let found = documents.get(owner);
      if (!found) {
        found = (onResources.get(owner) ?? []).map(({ policy, from }) => readPolicy(policy, from));
        documents.set(owner, found);
      }
      return found;
    },
    keyOf: (resourceArn) => keys.get(ownerOf(resourceArn)),
    mentions(conditionKey) {
      const key = conditionKey.toLowerCase();
      let known = mentioned.get(key);
      if (known === undefined) {
        known = everything.some((body) => body.includes(key));
        mentioned.set(key, known);
      }
      return known;
    },
  };
}

/** The resource that a policy or key hangs on: the bucket of an object, the table of an index. */
function ownerOf(resourceArn: string): string {
  if (resourceArn.startsWith("arn:aws:s3:::")) return resourceArn.split("/", 1)[0] ?? resourceArn;
  return resourceArn.replace(/\/index\/[^/]*$/, "");
}

/** Resource policies that a resource of the stack brings, with the ARN that each hangs on. */
function policiesOnResources(kernel: Kernel, { type, inputs, outputs, urn }: Resource): [string, Source][] {
  if (inputs.policy === undefined) return [];
  const on = (target: unknown): [string, Source][] =>
    typeof target === "string" && target ? [[target, { policy: inputs.policy, from: urn }]] : [];
  switch (type) {
    case "aws:s3/bucketPolicy:BucketPolicy":
      return on(`arn:aws:s3:::${String(inputs.bucket)}`);
    case "aws:sqs/queuePolicy:QueuePolicy":
      return on(arn(kernel.place, "sqs", String(inputs.queueUrl).split("/").at(-1) ?? ""));
    case "aws:sns/topicPolicy:TopicPolicy":
      return on(inputs.arn);
    case "aws:kms/keyPolicy:KeyPolicy":
      return on(keyArnOf(kernel, String(inputs.keyId)));
    case "aws:secretsmanager/secretPolicy:SecretPolicy":
      return on(inputs.secretArn);
    case "aws:dynamodb/resourcePolicy:ResourcePolicy":
    case "aws:kinesis/resourcePolicy:ResourcePolicy":
      return on(inputs.resourceArn);
    case "aws:cloudwatch/eventBusPolicy:EventBusPolicy":
      return on(arn(kernel.place, "events", `event-bus/${text(inputs.eventBusName) ?? "default"}`));
    case "aws:sqs/queue:Queue":
    case "aws:sns/topic:Topic":
    case "aws:kms/key:Key":
    case "aws:secretsmanager/secret:Secret":
      return on(outputs.arn);
    default:
      return [];
  }
}

/** Every way in which a program may name a key. */
function keyNamesOf({ type, outputs }: Resource): string[] {
  if (type === "aws:kms/key:Key") return [String(outputs.arn), String(outputs.keyId)];
  if (type === "aws:kms/alias:Alias") return [String(outputs.arn), String(outputs.name)];
  return [];
}

function keyArnOf(kernel: Kernel, key: string): string {
  return key.startsWith("arn:") ? key : arn(kernel.place, "kms", key.startsWith("alias/") ? key : `key/${key}`);
}

/** A resource's ARN and the customer key that it is encrypted with. Keys that AWS owns need no permission. */
function encryptionOf({ type, inputs, outputs }: Resource): [string?, string?] {
  const customer = (key: unknown) => (text(key)?.includes("alias/aws/") ? undefined : text(key));
  switch (type) {
    case "aws:kinesis/stream:Stream":
      return [text(outputs.arn), inputs.encryptionType === "NONE" ? undefined : customer(inputs.kmsKeyId)];
    case "aws:sqs/queue:Queue":
    case "aws:sns/topic:Topic":
      return [text(outputs.arn), customer(inputs.kmsMasterKeyId)];
    case "aws:secretsmanager/secret:Secret":
      return [text(outputs.arn), customer(inputs.kmsKeyId)];
    case "aws:ssm/parameter:Parameter":
      return [text(outputs.arn), inputs.type === "SecureString" ? customer(inputs.keyId) : undefined];
    case "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration":
    case "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2": {
      const byDefault = records(inputs.rules)[0]?.applyServerSideEncryptionByDefault;
      const key =
        isRecord(byDefault) && byDefault.sseAlgorithm !== "AES256" ? customer(byDefault.kmsMasterKeyId) : undefined;
      return [`arn:aws:s3:::${String(inputs.bucket)}`, key];
    }
    default:
      return [];
  }
}
