import { at, bag, bucket, denies, each, isLogBucket, lambda, list, ofBucket, policies, type Rule } from "./support";

/** What is stored is private, encrypted, versioned. */
export const storageRules: readonly Rule[] = [
  {
    id: "S1",
    says: "a bucket has one public access block with four flags",
    ...each(bucket, (of, graph) => {
      const [block, ...more] = ofBucket(graph, of, "bucketPublicAccessBlock:BucketPublicAccessBlock");
      const flags = ["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"];
      return block !== undefined && more.length === 0 && flags.every((flag) => block.inputs[flag] === true);
    }),
  },
  {
    id: "S2",
    says: "a bucket is encrypted under a customer's key with a bucket key (access logs: S3's own)",
    ...each(bucket, (of, graph) => {
      const [encryption] = ofBucket(
        graph,
        of,
        "bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
      );
      if (encryption === undefined) return false;
      const rule = "rules.0.applyServerSideEncryptionByDefault";
      if (at(encryption, `${rule}.sseAlgorithm`) === "AES256") return isLogBucket(graph, of);
      return (
        at(encryption, `${rule}.sseAlgorithm`) === "aws:kms" &&
        at(encryption, `${rule}.kmsMasterKeyId`) !== undefined &&
        at(encryption, "rules.0.bucketKeyEnabled") === true
      );
    }),
  },
  {
    id: "S3",
    says: "customer-provided keys are refused",
    ...each("aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration", (of) =>
      list(at(of, "rules.0.blockedEncryptionTypes")).includes("SSE-C"),
    ),
  },
  {
    id: "S4",
    says: "a bucket denies plain HTTP",
    ...each(bucket, (of, graph) => denies(graph, of, "Bool", "aws:SecureTransport")),
  },
  {
    id: "S5",
    says: "a bucket denies TLS below 1.2",
    ...each(bucket, (of, graph) => denies(graph, of, "NumericLessThan", "s3:TlsVersion")),
  },
  {
    id: "S6",
    says: "a bucket has no object ACLs",
    ...each(bucket, (of, graph) =>
      ofBucket(graph, of, "bucketOwnershipControls:BucketOwnershipControls").some(
        (controls) => at(controls, "rule.objectOwnership") === "BucketOwnerEnforced",
      ),
    ),
  },
  {
    id: "S7",
    says: "a bucket is versioned",
    ...each(bucket, (of, graph) =>
      ofBucket(graph, of, "bucketVersioning:BucketVersioning").some(
        (versioning) => at(versioning, "versioningConfiguration.status") === "Enabled",
      ),
    ),
  },
  {
    id: "S8",
    says: "a bucket ends unfinished uploads and old versions",
    ...each(bucket, (of, graph) =>
      ofBucket(graph, of, "bucketLifecycleConfiguration:BucketLifecycleConfiguration").some((lifecycle) =>
        list(lifecycle.inputs.rules).some(
          (rule) => "abortIncompleteMultipartUpload" in bag(rule) && "noncurrentVersionExpiration" in bag(rule),
        ),
      ),
    ),
  },
  {
    id: "S9",
    says: "no superseded bucket classes or inline settings",
    of: [bucket],
    broken: (graph) =>
      graph.all
        .filter(
          ({ type, inputs }) =>
            /^aws:s3\/bucket\w*V2:/.test(type) ||
            (type === bucket && ["acl", "website", "policy"].some((old) => old in inputs)),
        )
        .map(({ type, name }) => `${type} ${name}`),
  },
  {
    id: "S10",
    says: "a data bucket's access is logged",
    ...each(
      bucket,
      (of, graph) => isLogBucket(graph, of) || ofBucket(graph, of, "bucketLogging:BucketLogging").length === 1,
    ),
  },
  {
    id: "S11",
    says: "a bucket is not emptied to be deleted",
    ...each(bucket, ({ inputs }) => inputs.forceDestroy !== true),
  },
  {
    id: "S12",
    says: "a key rotates, has a window of at least seven days, and is nobody's outside the account",
    of: ["aws:kms/key:Key"],
    broken: (graph) => [
      ...each(
        "aws:kms/key:Key",
        (key) => key.inputs.enableKeyRotation === true && Number(key.inputs.deletionWindowInDays) >= 7,
      ).broken(graph),
      ...policies(graph)
        .filter(({ owner }) => owner.type === "aws:kms/key:Key")
        .flatMap(({ owner, statements }) =>
          statements
            .filter((statement) => statement.Principal === "*")
            .map((statement) => `${owner.name}: ${statement.Sid}`),
        ),
    ],
  },
  {
    id: "S13",
    says: "a stream is encrypted under a customer's key",
    ...each(
      "aws:kinesis/stream:Stream",
      ({ inputs }) => inputs.encryptionType === "KMS" && inputs.kmsKeyId !== undefined,
    ),
  },
  {
    id: "S14",
    says: "a delivery stream writes under a customer's key",
    ...each(
      "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream",
      (of) => at(of, "extendedS3Configuration.kmsKeyArn") !== undefined,
    ),
  },
  {
    id: "S15",
    says: "a table is encrypted under a customer's key",
    ...each("aws:dynamodb/table:Table", (of) => at(of, "serverSideEncryption.kmsKeyArn") !== undefined),
  },
  {
    id: "S16",
    says: "queues and topics are encrypted under a customer's key",
    of: ["aws:sqs/queue:Queue", "aws:sns/topic:Topic"],
    broken: (graph) =>
      ["aws:sqs/queue:Queue", "aws:sns/topic:Topic"].flatMap((type) =>
        each(type, ({ inputs }) => inputs.kmsMasterKeyId !== undefined).broken(graph),
      ),
  },
  {
    id: "S17",
    says: "a log group is encrypted and its logs expire",
    ...each(
      "aws:cloudwatch/logGroup:LogGroup",
      ({ inputs }) => inputs.kmsKeyId !== undefined && inputs.retentionInDays !== undefined,
    ),
  },
  {
    id: "S18",
    says: "a function's environment is encrypted under a customer's key",
    ...each(lambda, ({ inputs }) => inputs.kmsKeyArn !== undefined),
  },
  {
    id: "S19",
    says: "a Glue job has a security configuration",
    ...each("aws:glue/job:Job", ({ inputs }) => inputs.securityConfiguration !== undefined),
  },
  {
    id: "S20",
    says: "a workgroup enforces encryption and a scan limit",
    ...each(
      "aws:athena/workgroup:Workgroup",
      (of) =>
        at(of, "configuration.enforceWorkgroupConfiguration") === true &&
        at(of, "configuration.resultConfiguration.encryptionConfiguration.kmsKeyArn") !== undefined &&
        Number(at(of, "configuration.bytesScannedCutoffPerQuery")) > 0,
    ),
  },
  {
    id: "S21",
    says: "a state machine, and what Entity Resolution writes, is encrypted under a customer's key",
    of: ["aws:sfn/stateMachine:StateMachine", "aws-native:entityresolution:MatchingWorkflow"],
    broken: (graph) => [
      ...each(
        "aws:sfn/stateMachine:StateMachine",
        (of) => at(of, "encryptionConfiguration.kmsKeyId") !== undefined,
      ).broken(graph),
      ...each("aws-native:entityresolution:MatchingWorkflow", ({ inputs }) =>
        list(inputs.outputSourceConfig).every((output) => bag(output).kmsArn !== undefined),
      ).broken(graph),
    ],
  },
  {
    id: "S23",
    says: "Redshift is private, encrypted under a customer's key, tells its logs, and keeps its password where nobody reads it",
    of: ["aws:redshiftserverless/workgroup:Workgroup", "aws:redshiftserverless/namespace:Namespace"],
    broken: (graph) => [
      ...each("aws:redshiftserverless/workgroup:Workgroup", (of) => {
        const parameters = list(of.inputs.configParameters).map(bag);
        const ssl = parameters.some((each) => each.parameterKey === "require_ssl" && each.parameterValue === "true");
        return ssl && of.inputs.publiclyAccessible === false && of.inputs.enhancedVpcRouting === true;
      }).broken(graph),
      ...each(
        "aws:redshiftserverless/namespace:Namespace",
        ({ inputs }) =>
          inputs.manageAdminPassword === true &&
          inputs.adminPasswordSecretKmsKeyId !== undefined &&
          inputs.kmsKeyId !== undefined &&
          inputs.adminUserPassword === undefined &&
          list(inputs.logExports).length === 3,
      ).broken(graph),
    ],
  },
  {
    id: "S22",
    says: "Kafka's brokers take TLS and IAM logins only, under a customer's key",
    of: ["aws:msk/cluster:Cluster", "aws:msk/serverlessCluster:ServerlessCluster"],
    broken: (graph) => [
      // A serverless cluster has no other transport, no other logins and AWS's key: there is no argument for these.
      ...each(
        "aws:msk/serverlessCluster:ServerlessCluster",
        (of) => at(of, "clientAuthentication.sasl.iam.enabled") === true,
      ).broken(graph),
      ...each(
        "aws:msk/cluster:Cluster",
        (of) =>
          at(of, "clientAuthentication.sasl.iam") === true &&
          at(of, "clientAuthentication.unauthenticated") !== true &&
          at(of, "encryptionInfo.encryptionInTransit.clientBroker") === "TLS" &&
          at(of, "encryptionInfo.encryptionInTransit.inCluster") === true &&
          at(of, "encryptionInfo.encryptionAtRestKmsKeyArn") !== undefined,
      ).broken(graph),
    ],
  },
  {
    id: "S25",
    says: "a secret is encrypted under a customer's key",
    ...each("aws:secretsmanager/secret:Secret", ({ inputs }) => inputs.kmsKeyId !== undefined),
  },
];
