import type { Fault } from "../engine/types";
import { checkPolicy, type PolicyKind } from "./iam-policy";
import { checkStateMachine } from "./state-machine";

const trust: PolicyKind = { principal: "required", resource: "refused" };
const identity: PolicyKind = { principal: "refused", resource: "required" };
const onResource: PolicyKind = { principal: "required", resource: "required" };
/** Policies of services that take the resource as given (a repository, an event bus). */
const onImpliedResource: PolicyKind = { principal: "required", resource: "optional" };

type Check = (value: unknown, path: string) => Fault[];
const policy =
  (kind: PolicyKind): Check =>
  (value, path) =>
    checkPolicy(value, kind, path);

/** Properties that hold a document in a language of their own, by resource type; `[*]` stands for every element. */
const documents: Readonly<Record<string, Readonly<Record<string, Check>>>> = {
  "aws:iam/role:Role": { assumeRolePolicy: policy(trust), "inlinePolicies[*].policy": policy(identity) },
  "aws:iam/rolePolicy:RolePolicy": { policy: policy(identity) },
  "aws:iam/policy:Policy": { policy: policy(identity) },
  "aws:iam/userPolicy:UserPolicy": { policy: policy(identity) },
  "aws:iam/groupPolicy:GroupPolicy": { policy: policy(identity) },
  "aws:s3/bucketPolicy:BucketPolicy": { policy: policy(onResource) },
  "aws:s3/bucket:Bucket": { policy: policy(onResource) },
  "aws:sqs/queuePolicy:QueuePolicy": { policy: policy(onResource) },
  "aws:sqs/queue:Queue": { policy: policy(onResource) },
  "aws:sns/topicPolicy:TopicPolicy": { policy: policy(onResource) },
  "aws:sns/topic:Topic": { policy: policy(onResource) },
  "aws:kms/key:Key": { policy: policy(onResource) },
  "aws:kms/keyPolicy:KeyPolicy": { policy: policy(onResource) },
  "aws:dynamodb/resourcePolicy:ResourcePolicy": { policy: policy(onResource) },
  "aws:kinesis/resourcePolicy:ResourcePolicy": { policy: policy(onResource) },
  "aws:glue/resourcePolicy:ResourcePolicy": { policy: policy(onResource) },
  "aws:ec2/vpcEndpoint:VpcEndpoint": { policy: policy(onResource) },
  "aws:secretsmanager/secretPolicy:SecretPolicy": { policy: policy(onImpliedResource) },
  "aws:secretsmanager/secret:Secret": { policy: policy(onImpliedResource) },
  "aws:ecr/repositoryPolicy:RepositoryPolicy": { policy: policy(onImpliedResource) },
  "aws:cloudwatch/eventBusPolicy:EventBusPolicy": { policy: policy(onImpliedResource) },
  "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": { policyDocument: policy(onImpliedResource) },
  "aws:sfn/stateMachine:StateMachine": {
    definition: (value, path) => (typeof value === "string" ? checkStateMachine(value, path) : []),
  },
};

/** Faults inside of the documents (IAM policies, state machines) among a resource's inputs. Unknown ones pass. */
export function checkDocuments(type: string, inputs: Record<string, unknown>): Fault[] {
  return Object.entries(documents[type] ?? {}).flatMap(([pattern, check]) =>
    at(inputs, pattern).flatMap(({ path, value }) =>
      typeof value === "string" || (typeof value === "object" && value !== null) ? check(value, path) : [],
    ),
  );
}

function at(inputs: Record<string, unknown>, pattern: string): { path: string; value: unknown }[] {
  const [list, member] = pattern.split("[*].");
  if (list === undefined || member === undefined) return [{ path: pattern, value: inputs[pattern] }];
  const elements = inputs[list];
  if (!Array.isArray(elements)) return [];
  return elements.map((element: unknown, index) => ({
    path: `${list}[${index}].${member}`,
    value: typeof element === "object" && element !== null ? (element as Record<string, unknown>)[member] : undefined,
  }));
}
