// The lake that the bench measures: the component with its own tables, five computed traits and a segment.
const { createRequire } = require("node:module");
const { join } = require("node:path");
const packaged = createRequire(join(__dirname, "../../../packages/data-lake/package.json"));
const aws = packaged("@pulumi/aws");
const { count, DataLake, event, last, mostFrequent, segment, sum, trait } = packaged("./dist");

const key = new aws.kms.Key("key", { enableKeyRotation: true });
const topic = new aws.sns.Topic("alarms", {});
const orders = event("Order Completed");
const views = event("Product Viewed");
const lake = new DataLake("lake", {
  foundation: {
    keyArn: key.arn,
    alarmTopicArn: topic.arn,
    environment: "test",
    logRetentionDays: 30,
    tags: { Project: "lake", Tenant: "t", CostCenter: "c" },
  },
  traits: {
    orders_30d: count(orders).within({ days: 30 }),
    revenue: sum(orders.property("total")),
    last_sku: last(views.property("sku")),
    favourite_category: mostFrequent(views.property("category")),
    carts_7d: count(event("Cart Viewed")).within({ days: 7 }),
  },
  segments: { "big-spenders": segment(trait("revenue").atLeast(500)) },
});

exports.lake = lake.contract;
exports.jobs = [lake.nodes.cleanJob, lake.nodes.curateJob, lake.nodes.traitsJob].map(({ name }) => name);
