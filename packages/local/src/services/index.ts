import type { Kernel, Realiser } from "../kernel";
import * as apigatewayv2 from "./apigatewayv2";
import * as appflow from "./appflow";
import * as athena from "./athena";
import * as cloudcontrol from "./cloudcontrol";
import * as cloudwatch from "./cloudwatch";
import * as dataexchange from "./dataexchange";
import * as dms from "./dms";
import * as dynamodb from "./dynamodb";
import * as entityresolution from "./entityresolution";
import * as eventbridge from "./eventbridge";
import * as firehose from "./firehose";
import * as glue from "./glue";
import * as iam from "./iam";
import * as kinesis from "./kinesis";
import * as kms from "./kms";
import * as lambda from "./lambda";
import * as msk from "./msk";
import * as quicksight from "./quicksight";
import * as rds from "./rds";
import * as redshift from "./redshift";
import * as s3 from "./s3";
import * as scheduler from "./scheduler";
import * as secretsManager from "./secrets-manager";
import * as sfn from "./sfn";
import * as sns from "./sns";
import * as sqs from "./sqs";
import * as ssm from "./ssm";
import * as sts from "./sts";
import * as transfer from "./transfer";

/** Every service that works in this process; IAM first, since the others ask it. */
const services = [
  iam,
  sts,
  kms,
  cloudwatch,
  secretsManager,
  ssm,
  s3,
  kinesis,
  msk,
  dynamodb,
  sqs,
  sns,
  lambda,
  apigatewayv2,
  eventbridge,
  scheduler,
  firehose,
  glue,
  athena,
  redshift,
  quicksight,
  entityresolution,
  sfn,
  appflow,
  cloudcontrol,
  transfer,
  dms,
  dataexchange,
  rds,
];

/** Registers every service with the kernel and returns the realisers of their resource types. */
export function installServices(kernel: Kernel): Realiser[] {
  return services.flatMap((service) => service.install(kernel));
}

/** Functions of the aws provider that look something up in the services. */
export function lookups(kernel: Kernel) {
  return { ...secretsManager.lookups(kernel) };
}
