import { forcedWildcards } from "../../src";
import { bag, each, eachStatement, endpoint, lambda, list, networked, policies, type Rule } from "./support";

/** Who may do what, and from where. */
export const identityAndNetworkRules: readonly Rule[] = [
  {
    id: "I1",
    says: "nothing is allowed by a wildcard in the action",
    ...eachStatement(
      ({ Effect, Action }) => Effect === "Deny" || !list(Action).some((action) => String(action).includes("*")),
    ),
  },
  {
    id: "I2",
    says: "nothing is allowed on every resource unless AWS has none to name",
    ...eachStatement(({ Effect, Action, Resource, Principal }) => {
      if (Effect === "Deny" || !list(Resource).includes("*")) return true;
      const actions = list(Action).map(String);
      return (
        (Principal !== undefined && actions.every((action) => action.startsWith("kms:"))) ||
        actions.every((action) => action in forcedWildcards)
      );
    }),
  },
  {
    id: "I3",
    says: "a role trusts a service for this account's resources only",
    of: ["aws:iam/role:Role"],
    broken: (graph) =>
      policies(graph)
        .filter(({ owner }) => owner.type === "aws:iam/role:Role")
        .filter(({ statements }) =>
          statements.some(({ Condition }) => !("aws:SourceAccount" in bag(Condition?.StringEquals))),
        )
        .map(({ owner }) => owner.name),
  },
  {
    id: "I4",
    says: "one role for each function and job",
    of: [lambda, "aws:glue/job:Job"],
    broken: (graph) => {
      const users = [...graph.byType(lambda), ...graph.byType("aws:glue/job:Job")];
      const roles = users.map(({ inputs }) => inputs.role ?? inputs.roleArn);
      return users.filter((_, index) => roles.indexOf(roles[index]) !== index).map(({ name }) => name);
    },
  },
  {
    id: "I5",
    says: "an invoke permission names its source",
    ...each(
      "aws:lambda/permission:Permission",
      ({ inputs }) => (inputs.sourceArn ?? inputs.sourceAccount) !== undefined,
    ),
  },
  {
    id: "I7",
    says: "no users, no access keys",
    of: ["aws:iam/role:Role"],
    broken: (graph) =>
      [...graph.byType("aws:iam/user:User"), ...graph.byType("aws:iam/accessKey:AccessKey")].map(({ name }) => name),
  },
  {
    id: "I8",
    says: "a role is passed on to one service, named",
    ...eachStatement(
      ({ Effect, Action, Condition }) =>
        Effect === "Deny" ||
        !list(Action).includes("iam:PassRole") ||
        typeof bag(Condition?.StringEquals)["iam:PassedToService"] === "string",
    ),
  },
  {
    id: "I9",
    says: "no managed policies are attached",
    of: ["aws:iam/role:Role"],
    broken: (graph) => graph.byType("aws:iam/rolePolicyAttachment:RolePolicyAttachment").map(({ name }) => name),
  },
  {
    id: "N1",
    says: "a gateway endpoint's policy is not the open default",
    ...each(endpoint, ({ inputs }) => typeof inputs.policy === "string" && !inputs.policy.includes('"Resource":["*"]')),
  },
  {
    id: "N2",
    says: "in a network, each table refuses items to everywhere else",
    of: ["aws:dynamodb/table:Table"],
    broken: (graph) => {
      const guarded = new Set(
        graph.byType("aws:dynamodb/resourcePolicy:ResourcePolicy").map(({ inputs }) => inputs.resourceArn),
      );
      if (!networked(graph)) return [];
      return each("aws:dynamodb/table:Table", ({ outputs }) => guarded.has(outputs.arn)).broken(graph);
    },
  },
  {
    id: "N3",
    says: "in a network, each function with rights on tables runs in the network",
    of: [lambda],
    broken: (graph) => {
      if (!networked(graph)) return [];
      const callers = new Set(
        policies(graph)
          .filter(({ statements }) =>
            statements.some(({ Effect, Action }) => Effect === "Allow" && list(Action).includes("dynamodb:GetItem")),
          )
          .map(({ owner }) => owner.inputs.role),
      );
      const roles = new Map(graph.byType("aws:iam/role:Role").map(({ outputs }) => [outputs.arn, outputs.name]));
      return each(
        lambda,
        ({ inputs }) => !callers.has(roles.get(inputs.role)) || inputs.vpcConfig !== undefined,
      ).broken(graph);
    },
  },
  {
    id: "N4",
    says: "no security group is open to the world",
    ...each(
      "aws:ec2/securityGroup:SecurityGroup",
      ({ inputs }) => !JSON.stringify(inputs.ingress ?? []).match(/0\.0\.0\.0\/0|::\/0/),
    ),
  },
  {
    id: "N5",
    says: "an interface endpoint answers under the service's own name",
    ...each(endpoint, ({ inputs }) => inputs.vpcEndpointType === "Gateway" || inputs.privateDnsEnabled === true),
  },
  {
    id: "N6",
    says: "where there is a DynamoDB endpoint there is one for S3",
    of: [endpoint],
    broken: (graph) => {
      const services = graph.byType(endpoint).map(({ inputs }) => String(inputs.serviceName).split(".").at(-1));
      return services.includes("dynamodb") && !services.includes("s3") ? ["no S3 endpoint"] : [];
    },
  },
  {
    id: "N8",
    says: "no public subnets of ours",
    ...each("aws:ec2/subnet:Subnet", ({ inputs }) => inputs.mapPublicIpOnLaunch === false),
  },
];
