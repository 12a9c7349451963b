import * as cloudwatch from "@pulumi/aws/cloudwatch";
import * as pulumi from "@pulumi/pulumi";

interface Widget {
  readonly title: string;
  readonly resourceType: string;
  readonly metrics: readonly { readonly metricName: string; readonly stat: string }[];
}

/** What is watched of each kind of resource. Explorers find the resources by tag, so that later components appear by themselves. */
const explorers: readonly Widget[] = [
  {
    title: "Streams",
    resourceType: "AWS::Kinesis::Stream",
    metrics: [
      { metricName: "IncomingRecords", stat: "Sum" },
      { metricName: "GetRecords.IteratorAgeMilliseconds", stat: "Maximum" },
      { metricName: "WriteProvisionedThroughputExceeded", stat: "Sum" },
    ],
  },
  {
    title: "Functions",
    resourceType: "AWS::Lambda::Function",
    metrics: [
      { metricName: "Invocations", stat: "Sum" },
      { metricName: "Errors", stat: "Sum" },
      { metricName: "Throttles", stat: "Sum" },
      { metricName: "Duration", stat: "Maximum" },
    ],
  },
  {
    title: "Tables",
    resourceType: "AWS::DynamoDB::Table",
    metrics: [
      { metricName: "ConsumedReadCapacityUnits", stat: "Sum" },
      { metricName: "ConsumedWriteCapacityUnits", stat: "Sum" },
      { metricName: "ReadThrottleEvents", stat: "Sum" },
      { metricName: "WriteThrottleEvents", stat: "Sum" },
    ],
  },
  {
    title: "Queues",
    resourceType: "AWS::SQS::Queue",
    metrics: [
      { metricName: "ApproximateNumberOfMessagesVisible", stat: "Maximum" },
      { metricName: "ApproximateAgeOfOldestMessage", stat: "Maximum" },
    ],
  },
];

/** The platform's own metrics, which its functions print. */
const platformMetrics = [
  "EventsAccepted",
  "EventsRejected",
  "EventsApplied",
  "DuplicatesIgnored",
  "EventsQuarantined",
  "ProfilesChanged",
  "DeliveriesSucceeded",
  "DeliveriesFailed",
  "ConsentWithheld",
];

/** One dashboard: the platform's figures on top, then streams, functions, tables and queues by tag. */
export function makeDashboard(
  name: string,
  args: { readonly region: pulumi.Output<string>; readonly tags: Readonly<Record<string, string>> },
  opts: pulumi.CustomResourceOptions,
): cloudwatch.Dashboard {
  const labels = ["Project", "Environment"].flatMap((key) => {
    const value = args.tags[key];
    return value === undefined ? [] : [{ key, value }];
  });
  const explorerWidgets = explorers.map((widget, index) => ({
    type: "explorer",
    x: (index % 2) * 12,
    y: 6 + Math.floor(index / 2) * 10,
    width: 12,
    height: 10,
    properties: {
      title: widget.title,
      labels,
      metrics: widget.metrics.map((metric) => ({ ...metric, resourceType: widget.resourceType })),
      period: 300,
      splitBy: "",
      widgetOptions: {
        legend: { position: "bottom" },
        view: "timeSeries",
        stacked: false,
        rowsPerPage: 20,
        widgetsPerRow: 2,
      },
    },
  }));
  const search = platformMetrics.map((metric) => ({
    expression: `SUM(SEARCH('Namespace="Tributary" MetricName="${metric}"', 'Sum', 300))`,
    label: metric,
  }));
  return new cloudwatch.Dashboard(
    `${name}-platform`,
    {
      dashboardName: pulumi.interpolate`${pulumi.getProject()}-${pulumi.getStack()}-${name}`,
      dashboardBody: pulumi.jsonStringify({
        widgets: [
          {
            type: "metric",
            x: 0,
            y: 0,
            width: 24,
            height: 6,
            properties: {
              title: "Events and profiles",
              region: args.region,
              view: "timeSeries",
              stacked: false,
              period: 300,
              metrics: search.map((entry) => [entry]),
            },
          },
          ...explorerWidgets,
        ],
      }),
    },
    opts,
  );
}
