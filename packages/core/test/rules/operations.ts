import type { Graph } from "@tributary/testing";
import { at, type Bag, bag, data, each, endpoint, lambda, list, type Received, type Rule, taggable } from "./support";

interface Task {
  readonly retried: boolean;
  /** By itself, or by a Map or Parallel that it is in. */
  readonly caught: boolean;
}

/** The tasks of a state machine, those in its Maps and Parallels too. */
function tasksOf(machine: Bag, caughtAround: boolean): Task[] {
  return Object.values(bag(machine.States)).flatMap((each) => {
    const state = bag(each);
    const caught = caughtAround || "Catch" in state;
    if (state.Type === "Task") return [{ retried: "Retry" in state, caught }];
    const inner = [state.ItemProcessor, state.Iterator, ...list(state.Branches)];
    return inner.flatMap((machineInside) => tasksOf(bag(machineInside), caught));
  });
}

/** Whether a rule on the event bus hears of executions that fail. */
const toldOf = (graph: Graph, machine: Received): boolean =>
  graph.byType("aws:cloudwatch/eventRule:EventRule").some(({ inputs }) => {
    const { detail } = bag(JSON.parse(String(inputs.eventPattern ?? "{}")));
    const { stateMachineArn, status } = bag(detail);
    return list(stateMachineArn).includes(machine.outputs.arn) && list(status).includes("FAILED");
  });

/** Tags by name; the aws-native provider has them as a list. */
const tagsOf = (tags: unknown): Bag =>
  Array.isArray(tags) ? Object.fromEntries(tags.map((tag) => [bag(tag).key, bag(tag).value])) : bag(tags);

/** Reliability, operations, performance, cost. */
export const operationRules: readonly Rule[] = [
  {
    id: "R1",
    says: "a table recovers to any point of 35 days and is protected from deletion",
    ...each(
      "aws:dynamodb/table:Table",
      (of) =>
        at(of, "pointInTimeRecovery.enabled") === true &&
        at(of, "pointInTimeRecovery.recoveryPeriodInDays") === 35 &&
        of.inputs.deletionProtectionEnabled === true,
    ),
  },
  {
    id: "R2",
    says: "an event source mapping reports items; on streams it bisects, gives up in time, and keeps what failed",
    ...each("aws:lambda/eventSourceMapping:EventSourceMapping", (of) => {
      const { inputs } = of;
      if (!list(inputs.functionResponseTypes).includes("ReportBatchItemFailures")) return false;
      if (String(inputs.eventSourceArn).includes(":sqs:")) return true;
      const [retries, age] = [Number(inputs.maximumRetryAttempts), Number(inputs.maximumRecordAgeInSeconds)];
      return (
        inputs.bisectBatchOnFunctionError === true &&
        retries >= 0 &&
        age > 0 &&
        age <= 86_400 &&
        at(of, "destinationConfig.onFailure.destinationArn") !== undefined
      );
    }),
  },
  {
    id: "R3",
    says: "a function and a schedule have a dead-letter queue",
    of: [lambda, "aws:scheduler/schedule:Schedule"],
    broken: (graph) => [
      ...each(lambda, (of) => at(of, "deadLetterConfig.targetArn") !== undefined).broken(graph),
      ...each("aws:scheduler/schedule:Schedule", (of) => at(of, "target.deadLetterConfig.arn") !== undefined).broken(
        graph,
      ),
    ],
  },
  {
    id: "R4",
    says: "a state machine retries, catches (or tells of executions that fail, and can be redriven), logs and traces",
    ...each("aws:sfn/stateMachine:StateMachine", (of, graph) => {
      const tasks = tasksOf(JSON.parse(String(of.inputs.definition)) as Bag, false);
      const logs = ["ERROR", "ALL"].includes(String(at(of, "loggingConfiguration.level")));
      return (
        tasks.length > 0 &&
        tasks.every(({ retried, caught }) => retried && (caught || toldOf(graph, of))) &&
        logs &&
        at(of, "tracingConfiguration.enabled") === true
      );
    }),
  },
  {
    id: "R5",
    says: "a stream keeps its records for two days at least",
    ...each("aws:kinesis/stream:Stream", ({ inputs }) => Number(inputs.retentionPeriod) >= 48),
  },
  {
    id: "R6",
    says: "our subnets are in two zones at least",
    of: ["aws:ec2/subnet:Subnet"],
    broken: (graph) => {
      const subnets = graph.byType("aws:ec2/subnet:Subnet");
      const zones = new Set(subnets.map(({ inputs }) => inputs.availabilityZone));
      return subnets.length > 0 && zones.size < 2 ? [`${zones.size} zone`] : [];
    },
  },
  {
    id: "R8",
    says: "a Glue job ends",
    ...each("aws:glue/job:Job", ({ inputs }) => Number(inputs.timeout) > 0 && inputs.maxRetries !== undefined),
  },
  {
    id: "R9",
    says: "data is protected and retained",
    of: [...data],
    broken: (graph) =>
      data.flatMap((type) => each(type, ({ options }) => options.protect && options.retainOnDelete).broken(graph)),
  },
  {
    id: "O1",
    says: "there is one dashboard",
    of: ["aws:cloudwatch/dashboard:Dashboard"],
    broken: (graph) =>
      graph
        .byType("aws:cloudwatch/dashboard:Dashboard")
        .slice(1)
        .map(({ name }) => name),
  },
  {
    id: "O2",
    says: "functions, streams, tables, state machines and dead-letter queues have alarms",
    of: [
      lambda,
      "aws:kinesis/stream:Stream",
      "aws:dynamodb/table:Table",
      "aws:sqs/queue:Queue",
      "aws:sfn/stateMachine:StateMachine",
    ],
    broken: (graph) => {
      const watched = new Set(
        graph
          .byType("aws:cloudwatch/metricAlarm:MetricAlarm")
          .flatMap(({ inputs }) => Object.values(bag(inputs.dimensions))),
      );
      const named = (type: string) => each(type, ({ outputs }) => watched.has(outputs.name)).broken(graph);
      const machines = each("aws:sfn/stateMachine:StateMachine", ({ outputs }) => watched.has(outputs.arn)).broken(
        graph,
      );
      return [lambda, "aws:kinesis/stream:Stream", "aws:dynamodb/table:Table", "aws:sqs/queue:Queue"]
        .flatMap(named)
        .concat(machines);
    },
  },
  {
    id: "O3",
    says: "an alarm notifies somebody and knows what no data means",
    ...each(
      "aws:cloudwatch/metricAlarm:MetricAlarm",
      ({ inputs }) =>
        list(inputs.alarmActions).length > 0 &&
        inputs.treatMissingData !== undefined &&
        String(inputs.alarmDescription).length > 20,
    ),
  },
  {
    id: "O5",
    says: "functions are traced",
    ...each(lambda, (of) => at(of, "tracingConfig.mode") === "Active"),
  },
  {
    id: "O6",
    says: "an API logs its accesses",
    ...each("aws:apigatewayv2/stage:Stage", (of) => at(of, "accessLogSettings.destinationArn") !== undefined),
  },
  {
    id: "O7",
    says: "functions run on a current Node, on arm64, with JSON logs in a log group of their own",
    ...each(
      lambda,
      (of) =>
        ["nodejs22.x", "nodejs24.x"].includes(String(of.inputs.runtime)) &&
        list(of.inputs.architectures)[0] === "arm64" &&
        at(of, "loggingConfig.logFormat") === "JSON" &&
        at(of, "loggingConfig.logGroup") !== undefined,
    ),
  },
  {
    id: "P2",
    says: "clean and curated tables are Parquet or Iceberg (the raw zone: as received), and all are projected where partitioned",
    ...each(
      "aws:glue/catalogTable:CatalogTable",
      (of) =>
        // A view holds nothing.
        (at(of, "parameters.classification") === "parquet" ||
          of.inputs.tableType === "VIRTUAL_VIEW" ||
          at(of, "openTableFormatInput.icebergInput.version") === "2" ||
          String(of.inputs.databaseName).endsWith("raw")) &&
        (list(of.inputs.partitionKeys).length === 0 || bag(of.inputs.parameters)["projection.enabled"] === "true"),
    ),
  },
  {
    id: "P3",
    says: "a function states memory and timeout",
    ...each(lambda, ({ inputs }) => Number(inputs.memorySize) > 0 && Number(inputs.timeout) > 0),
  },
  {
    id: "C1",
    says: "everything taggable carries the five cost tags",
    of: [...taggable],
    broken: (graph) =>
      graph.all
        .filter(
          ({ type, inputs }) =>
            taggable.has(type) &&
            !["Project", "Environment", "Tenant", "Module", "CostCenter"].every(
              (tag) => typeof tagsOf(inputs.tags)[tag] === "string",
            ),
        )
        .map(({ type, name }) => `${type} ${name}`),
  },
  {
    id: "C2",
    says: "a budget is the tenant's, and tells at 80 %, at 100 %, and when 100 % is forecast",
    ...each("aws:budgets/budget:Budget", ({ inputs }) => {
      const notices = list(inputs.notifications).map(
        (notice) => `${bag(notice).notificationType} ${bag(notice).threshold}`,
      );
      const wanted = ["ACTUAL 80", "ACTUAL 100", "FORECASTED 100"];
      return (
        wanted.every((each) => notices.includes(each)) && JSON.stringify(inputs.filterExpression).includes('"Tenant"')
      );
    }),
  },
  {
    id: "C4",
    says: "old objects move to cheaper storage, or expire",
    ...each("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", ({ inputs }) =>
      list(inputs.rules).some((rule) => "transitions" in bag(rule) || "expiration" in bag(rule)),
    ),
  },
  {
    id: "C5",
    says: "Glue runs on spare capacity",
    ...each("aws:glue/job:Job", ({ inputs }) => inputs.executionClass === "FLEX"),
  },
  {
    id: "C5-redshift",
    says: "Redshift grows to a bound only, and its day has a limit",
    ...each("aws:redshiftserverless/workgroup:Workgroup", (of, graph) => {
      const limited = graph
        .byType("aws:redshiftserverless/usageLimit:UsageLimit")
        .some(({ inputs }) => inputs.resourceArn === of.outputs.arn && inputs.breachAction !== undefined);
      return limited && Number(of.inputs.maxCapacity) > 0;
    }),
  },
  {
    id: "C6",
    says: "nothing that bills by the hour unasked: no NAT, no interface endpoints",
    of: [endpoint],
    broken: (graph) =>
      [
        ...graph.byType("aws:ec2/natGateway:NatGateway"),
        ...graph.byType(endpoint).filter(({ inputs }) => inputs.vpcEndpointType !== "Gateway"),
      ].map(({ name }) => name),
  },
  {
    id: "L4",
    says: "Glue is of version 5 or newer",
    ...each("aws:glue/job:Job", ({ inputs }) => Number(inputs.glueVersion) >= 5),
  },
];
