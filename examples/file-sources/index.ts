import * as pulumi from "@pulumi/pulumi";
import { DataLake } from "@tributary/data-lake";
import { Governance } from "@tributary/governance";
import { database, databaseSnapshots, dataExchange, Ingestion, s3Drop, sftp } from "@tributary/ingestion";

const config = new pulumi.Config("sources");
const { foundation } = new Governance("cdp", { environment: pulumi.getStack(), costCenter: "marketing" });
const lake = new DataLake("cdp", { foundation });

// Files that people, jobs or other accounts put in the landing bucket.
const shop = s3Drop({
  mapping: {
    version: 1,
    event: {
      type: { $value: "track" },
      event: { $value: "Order Completed" },
      userId: { $column: "customer", required: true },
      timestamp: { $column: "ordered_at", as: "timestamp" },
      properties: { order_id: { $column: "order_id" }, total: { $column: "total", as: "decimal" } },
    },
  },
  columns: { order_id: "string", customer: "string", ordered_at: "string", total: "string" },
});

// Partners send JSON lines over SFTP. The server bills by the hour: about $219 a month.
const partner = sftp({
  format: "json",
  mapping: {
    version: 1,
    event: {
      type: { $value: "identify" },
      userId: { $column: "member", required: true },
      traits: { tier: { $column: "tier" }, email: { $column: "email" } },
    },
  },
  server: {
    users: {
      acme: { publicKeys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ2ZFdmU6Vxq0u0uAcme0000000000000000000000000"] },
    },
  },
});

// Files of another partner, fetched from their server: each hour whatever is new in the directory.
const supplier = sftp({
  mapping: {
    version: 1,
    event: {
      type: { $value: "track" },
      event: { $value: "Order Shipped" },
      userId: { $column: "customer", required: true },
      properties: { order_id: { $column: "order_id" } },
    },
  },
  pull: {
    url: "sftp://files.example.com",
    secretArn: config.require("supplierSecretArn"),
    hostKeys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleHostKey00000000000000000000000000000000"],
    directories: ["/out/shipments"],
    schedule: "rate(1 hour)",
  },
});

// Rows of a database and each change of them, by DMS Serverless, which bills by the hour while it runs.
const erp = database({
  engine: "postgres",
  secretArn: config.require("erpSecretArn"),
  databaseName: "erp",
  tables: {
    "public.orders": {
      mapping: {
        version: 1,
        event: {
          type: { $value: "track" },
          event: {
            $first: [{ $value: "Order Deleted", when: { column: "Op", matches: "^D$" } }, { $value: "Order Saved" }],
          },
          userId: { $template: "erp-{customer_id}", required: true },
          timestamp: { $column: "changed_at", as: "timestamp" },
          properties: { order_id: { $column: "id" }, status: { $column: "status" } },
        },
      },
      columns: { id: "bigint", customer_id: "bigint", status: "string" },
    },
    // Kept and queryable; no events.
    "public.stores": { columns: { id: "bigint", city: "string" } },
  },
  network: { subnetIds: config.requireObject("subnetIds"), securityGroupIds: config.requireObject("securityGroupIds") },
});

// Tables of each automated snapshot of an Aurora cluster.
const loyalty = databaseSnapshots({
  database: "loyalty",
  of: "cluster",
  tables: {
    "loyalty.public.members": {
      mapping: {
        version: 1,
        event: {
          type: { $value: "identify" },
          userId: { $template: "loyalty-{id}", required: true },
          traits: { points: { $column: "points", as: "integer" } },
        },
      },
      columns: { id: "bigint", points: "bigint" },
    },
  },
});

// Each new revision of a data set of AWS Data Exchange.
const weather = dataExchange({
  dataSetId: "aae4c2cd145a48454f9369d4a4db5c66",
  mapping: {
    version: 1,
    event: {
      type: { $value: "track" },
      event: { $value: "Weather Reported" },
      anonymousId: { $template: "station-{station}", required: true },
      timestamp: { $column: "day", as: "timestamp" },
      properties: { celsius: { $column: "celsius", as: "decimal" } },
    },
  },
  columns: { station: "string", day: "string", celsius: "string" },
});

const sources = { shop, partner, supplier, erp, loyalty, weather };
const ingestion = new Ingestion("cdp", { foundation, rawZone: lake.rawZone, sources });

export const { landingBucket, eventsTableName, quarantineBucket } = ingestion.contract;
export const rawBucket = lake.rawZone.bucket.name;
