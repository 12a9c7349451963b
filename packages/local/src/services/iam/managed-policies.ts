import { AwsError } from "../../kernel";
import { type PolicyDocument, readPolicy } from "./document";

const logs = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"];
const networkInterfaces = [
  "ec2:CreateNetworkInterface",
  "ec2:DescribeNetworkInterfaces",
  "ec2:DescribeSubnets",
  "ec2:DeleteNetworkInterface",
  "ec2:AssignPrivateIpAddresses",
  "ec2:UnassignPrivateIpAddresses",
];
const streamLists = { kinesis: ["kinesis:ListShards", "kinesis:ListStreams", "kinesis:SubscribeToShard"] };

/** Actions, all on every resource, of the policies of AWS that programs attach most; text as of the policy reference. */
const actionsByName: Readonly<Record<string, readonly string[]>> = {
  "service-role/AWSLambdaBasicExecutionRole": logs,
  "service-role/AWSLambdaVPCAccessExecutionRole": [...logs, ...networkInterfaces],
  "service-role/AWSLambdaKinesisExecutionRole": [
    "kinesis:DescribeStream",
    "kinesis:DescribeStreamSummary",
    "kinesis:GetRecords",
    "kinesis:GetShardIterator",
    ...streamLists.kinesis,
    ...logs,
  ],
  "service-role/AWSLambdaDynamoDBExecutionRole": [
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
    ...logs,
  ],
  "service-role/AWSLambdaSQSQueueExecutionRole": [
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    ...logs,
  ],
  AWSXRayDaemonWriteAccess: [
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:GetSamplingStatisticSummaries",
  ],
  CloudWatchLambdaInsightsExecutionRolePolicy: logs,
  AdministratorAccess: ["*"],
};

export function isAwsManaged(arn: string): boolean {
  return arn.startsWith("arn:aws:iam::aws:policy/");
}

/** @throws AwsError `NoSuchEntity` for a policy of AWS whose text is not known here */
export function awsManagedPolicy(arn: string): PolicyDocument {
  const name = arn.replace("arn:aws:iam::aws:policy/", "");
  const actions = actionsByName[name];
  if (!actions) {
    throw new AwsError(
      "NoSuchEntity",
      `The embedded runtime does not know the text of the AWS managed policy ${arn}. ` +
        `Write the statements out in a policy of your own (tighter, too), or use one of: ${Object.keys(actionsByName).join(", ")}.`,
      { status: 404 },
    );
  }
  return readPolicy(
    { Version: "2012-10-17", Statement: { Effect: "Allow", Action: [...actions], Resource: "*" } },
    arn,
  );
}
