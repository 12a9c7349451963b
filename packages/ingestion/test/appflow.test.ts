import { spawnSync } from "node:child_process";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { runStack, type StackRun } from "@tributary/testing";
import { policies, violations } from "../../core/test/well-architected";
import {
  type AppflowArgs,
  appflow,
  defineConnector,
  http,
  Ingestion,
  type IngestionArgs,
  ingestionFaults,
  oauth2,
} from "../src";
import { crm } from "./fixtures/crm/connector";

const root = join(__dirname, "../../..");
beforeAll(() => {
  spawnSync(process.execPath, [join(root, "scripts/bundle-handlers.mjs")], { encoding: "utf8" });
}, 120_000);

const key = "arn:aws:kms:us-east-1:000000000000:key/k";
const secretArn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:crm-AbCdEf";
const given: IngestionArgs = {
  foundation: {
    keyArn: key,
    alarmTopicArn: "arn:aws:sns:us-east-1:000000000000:alarms",
    environment: "test",
    logRetentionDays: 30,
    tags: { Project: "test", Tenant: "t", CostCenter: "c" },
    accessLogs: { bucketName: "logs" },
  },
  rawZone: { bucket: { name: "raw", arn: "arn:aws:s3:::raw", keyArn: key }, database: "raw", eventsTable: "events" },
  sources: { web: http() },
};
const create = { credentials: { secretArn }, settings: { instanceUrl: "https://acme.crm.example.com" } };
const mapping: AppflowArgs["mapping"] = {
  version: 1,
  event: { type: { $value: "identify" }, userId: { $column: "id" } },
} as never;
const crmSource = appflow({
  connector: crm,
  connectorProfile: { create },
  entities: { contacts: { mapping }, deals: { fields: ["number", "amount"] } },
});

describe("arguments", () => {
  const faultsOf = (source: unknown) =>
    ingestionFaults({ ...given, sources: { crm: source } } as unknown as IngestionArgs).map(
      ({ path, reason }) => `${path.replace("sources.crm.", "")}: ${reason}`,
    );

  test("every fault at once, with its path and what to do", () => {
    const wrong = {
      kind: "appflow",
      connector: crm,
      connectorProfile: { create: { credentials: { secretArn: 7, type: "OAuth2" }, settings: { instanceUr: "x" } } },
      entities: { contact: {}, deals: { incremental: "when", fields: [], filter: 1 } },
      schedule: "rate(1 hour)",
      format: "csv",
      apiVersion: 3,
      flow: true,
    };
    expect(faultsOf(wrong).sort()).toEqual([
      expect.stringMatching(/^apiVersion: 3 must be text/),
      expect.stringMatching(/^connectorProfile.create.credentials.secretArn: 7 must be the ARN of a secret/),
      expect.stringMatching(/^connectorProfile.create.credentials.type: "OAuth2" must be "ApiKey" or "CustomAuth"/),
      expect.stringMatching(
        /^connectorProfile.create.settings.instanceUr: is no argument; did you mean "instanceUrl"\?/,
      ),
      expect.stringMatching(/^connectorProfile.create.settings.instanceUrl: is missing; give: Address of your CRM/),
      expect.stringMatching(/^entities.contact: is no entity of the connector; it has contacts, deals/),
      expect.stringMatching(/^entities.deals.fields: \[\] must be a list of one of number, amount, closedAt/),
      expect.stringMatching(/^entities.deals.filter: is no argument/),
      expect.stringMatching(/^entities.deals.incremental: "when" must be one of number/),
      expect.stringMatching(/^flow: is no argument/),
      expect.stringMatching(/^format: "csv" must be "jsonl" or "parquet"/),
      expect.stringMatching(/^schedule: "rate\(1 hour\)" must be .*rate\(1hours\)/),
    ]);
    expect(faultsOf({ kind: "appflow" })).toEqual([
      expect.stringContaining("connector: nothing must be"),
      expect.stringContaining("connectorProfile: nothing must be"),
      expect.stringContaining("entities: nothing must name"),
    ]);
    expect(
      faultsOf({ kind: "appflow", connector: "Salesforc", connectorProfile: { existing: "x" }, entities: ["a", "a"] }),
    ).toEqual([expect.stringContaining('did you mean "Salesforce"?'), expect.stringContaining('names "a" twice')]);
    expect(
      faultsOf({
        kind: "appflow",
        connector: { existing: "acme" },
        connectorProfile: { create: { credentials: { secretArn } } },
        entities: ["a"],
      }),
    ).toEqual([expect.stringContaining("credentials.type: is missing")]);
    expect(
      faultsOf({
        kind: "appflow",
        connector: { module: "./nowhere" },
        connectorProfile: { existing: "x" },
        entities: ["a"],
      }),
    ).toEqual([expect.stringContaining('connector.module: "./nowhere" cannot be used')]);
    expect(faultsOf({ ...crmSource, connector: { ...crm, baseUrl: "nowhere" } })).toEqual([
      expect.stringContaining("connector.baseUrl: is no URL"),
    ]);
    expect(faultsOf(crmSource)).toEqual([]);
  });
});

interface Statement {
  readonly Sid?: string;
  readonly Action: string[];
  readonly Resource: unknown;
  readonly Principal?: { readonly Service?: string };
  readonly Condition?: unknown;
}

describe("the component in the engine", () => {
  const stack = (sources: IngestionArgs["sources"]) => () =>
    runStack(
      async () => {
        new Ingestion("cdp", { ...given, sources });
        return {};
      },
      {
        invokes: {
          "aws:secretsmanager/getSecretVersion:getSecretVersion": () => ({
            secretString: JSON.stringify({ apiKey: "k-1", clientId: "c", clientSecret: "s" }),
          }),
        },
      },
    );
  let run: StackRun;
  beforeAll(async () => {
    run = await stack({ crm: crmSource })();
  }, 60_000);
  const inputs = (type: string, name: string, of = run) => of.graph.find(type, name).inputs as Record<string, unknown>;
  const statements = (owner: string): Statement[] =>
    policies(run.graph)
      .filter((policy) => policy.owner.name === owner)
      .flatMap((policy) => policy.statements as unknown as Statement[]);

  test("keeps every Well-Architected rule, and nothing hangs outside of it", () => {
    // P2: files are kept as AppFlow wrote them.
    expect(violations(run.graph, ["P2"])).toEqual([]);
    expect(run.graph.orphans()).toEqual([]);
  });

  test("a flow for each entity, as AppFlow wants it", () => {
    expect(inputs("aws:appflow/flow:Flow", "cdp-crm-contacts")).toMatchObject({
      kmsArn: key,
      sourceFlowConfig: {
        connectorType: "CustomConnector",
        apiVersion: "1",
        sourceConnectorProperties: { customConnector: { entityName: "contacts" } },
        incrementalPullConfig: { datetimeTypeFieldName: "updatedAt" },
      },
      destinationFlowConfigs: [
        {
          connectorType: "S3",
          destinationConnectorProperties: {
            s3: {
              bucketPrefix: "source=crm/contacts",
              s3OutputFormatConfig: { fileType: "JSON", prefixConfig: { prefixHierarchies: ["EXECUTION_ID"] } },
            },
          },
        },
      ],
      tasks: [{ taskType: "Map_all", connectorOperators: [{ customConnector: "NO_OP" }] }],
      triggerConfig: {
        triggerType: "Scheduled",
        triggerProperties: { scheduled: { scheduleExpression: "rate(1hours)", dataPullMode: "Incremental" } },
      },
    });
    expect(inputs("aws:appflow/flow:Flow", "cdp-crm-deals")).toMatchObject({
      tasks: [
        {
          taskType: "Filter",
          sourceFields: ["number", "amount"],
          connectorOperators: [{ customConnector: "PROJECTION" }],
        },
        { taskType: "Map", destinationField: "number" },
        { taskType: "Map", destinationField: "amount" },
      ],
      triggerConfig: { triggerProperties: { scheduled: { dataPullMode: "Complete" } } },
    });
  });

  test("the connection has its secret's values, as secrets", () => {
    const profile = run.graph.find("aws:appflow/connectorProfile:ConnectorProfile", "cdp-crm");
    expect(profile.inputs).toMatchObject({
      connectorType: "CustomConnector",
      connectorLabel: "test-test-cdp-crm",
      kmsArn: key,
      connectorProfileConfig: {
        connectorProfileCredentials: { customConnector: { authenticationType: "APIKEY", apiKey: { apiKey: "k-1" } } },
        connectorProfileProperties: {
          customConnector: { profileProperties: { instanceUrl: "https://acme.crm.example.com" } },
        },
      },
    });
    expect(profile.dependencies).toContain(
      run.graph.find("aws:cloudcontrol/resource:Resource", "cdp-crm-connector").urn,
    );
  });

  test("the connector may read the secrets of its connections, and AppFlow alone may call it", () => {
    const connector = inputs("aws:cloudcontrol/resource:Resource", "cdp-crm-connector");
    const fn = run.graph.find("aws:lambda/function:Function", "cdp-crm-connector");
    expect(JSON.parse(String(connector.desiredState))).toEqual({
      ConnectorLabel: "test-test-cdp-crm",
      ConnectorProvisioningType: "LAMBDA",
      ConnectorProvisioningConfig: { Lambda: { LambdaArn: fn.outputs.arn } },
      Description: "acme-crm 1.0",
    });
    expect(statements("cdp-crm-connector-read-connections")).toEqual([
      expect.objectContaining({
        Action: ["secretsmanager:GetSecretValue"],
        Resource: ["arn:aws:secretsmanager:us-east-1:000000000000:secret:appflow!000000000000-test-test-cdp-crm-*"],
      }),
      expect.objectContaining({ Action: ["kms:Decrypt"], Resource: [key] }),
    ]);
    expect(inputs("aws:lambda/permission:Permission", "cdp-crm-connector")).toMatchObject({
      principal: "appflow.amazonaws.com",
      sourceAccount: "000000000000",
      sourceArn: "arn:aws:appflow:us-east-1:000000000000:*",
    });
    expect(fn.inputs.vpcConfig).toBeUndefined();
  });

  test("AppFlow may write to the source's folder, for the source's flows only", () => {
    const allowed = statements("cdp-landing-policy").filter(
      ({ Principal }) => Principal?.Service === "appflow.amazonaws.com",
    );
    expect(allowed.map(({ Action }) => Action)).toEqual([
      ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:PutObjectAcl"],
      ["s3:ListBucketMultipartUploads", "s3:GetBucketAcl"],
    ]);
    expect(JSON.stringify(allowed[0]?.Resource)).toMatch(/\/source=crm\/\*"\]$/);
    for (const { Condition } of allowed)
      expect(Condition).toEqual({
        StringEquals: { "aws:SourceAccount": "000000000000" },
        ArnLike: { "aws:SourceArn": "arn:aws:appflow:us-east-1:000000000000:flow/cdp-crm-*" },
      });
  });

  test("runs that fail and flows that are given up are told; drafts are activated", () => {
    const failed = JSON.parse(
      String(inputs("aws:cloudwatch/eventRule:EventRule", "cdp-crm-flows-failed").eventPattern),
    );
    expect(failed).toMatchObject({
      source: ["aws.appflow"],
      "detail-type": ["AppFlow End Flow Run Report"],
      detail: { status: [{ "anything-but": ["Execution Successful"] }] },
    });
    expect(failed.detail["flow-name"]).toHaveLength(2);
    expect(inputs("aws:cloudwatch/eventTarget:EventTarget", "cdp-crm-flows-deactivated")).toMatchObject({
      arn: given.foundation.alarmTopicArn,
    });
    const flows = run.graph.byType("aws:appflow/flow:Flow").map(({ outputs }) => outputs.arn);
    expect(statements("cdp-crm-activation-start-flows")).toEqual([
      expect.objectContaining({ Action: ["appflow:StartFlow"], Resource: flows }),
    ]);
    expect(run.graph.byType("aws:scheduler/schedule:Schedule")).toHaveLength(2);
  });

  test("files of an entity with a mapping become events, those of others are kept; both have a table", () => {
    expect(
      run.graph
        .byType("aws:glue/catalogTable:CatalogTable")
        .map(({ inputs: of }) => of.name)
        .sort(),
    ).toEqual(["files_crm_contacts", "files_crm_deals"]);
  });

  test("AppFlow's own connectors, adopted connections, on demand, Parquet; the same resources in a preview", async () => {
    const native = await stack({
      sales: appflow({
        connector: "Salesforce",
        connectorProfile: { existing: "sf" },
        entities: ["Contact"],
        schedule: "on-demand",
        format: "parquet",
      }),
      ads: appflow({
        connector: { existing: "GoogleAds" },
        connectorProfile: { existing: pulumi.output("ads") },
        entities: { campaign: { incremental: "changed" } },
        schedule: "rate(1days)",
      }),
      erp: appflow({
        connector: { module: require.resolve("./fixtures/crm/connector"), export: "connector" },
        connectorProfile: { create: { ...create, credentials: { secretArn, type: "CustomAuth" } } },
        entities: ["contacts"],
      }),
      desk: appflow({
        connector: defineConnector({ ...crm, auth: oauth2({ tokenUrls: ["https://desk.example/token"] }) }),
        connectorProfile: { create },
        entities: ["contacts"],
      }),
    })();
    expect(violations(native.graph, ["P2"])).toEqual([]);
    expect(inputs("aws:appflow/flow:Flow", "cdp-sales-contact", native)).toMatchObject({
      sourceFlowConfig: {
        connectorType: "Salesforce",
        connectorProfileName: "sf",
        sourceConnectorProperties: { salesforce: { object: "Contact" } },
      },
      destinationFlowConfigs: [
        {
          destinationConnectorProperties: {
            s3: { s3OutputFormatConfig: { fileType: "PARQUET", preserveSourceDataTyping: true } },
          },
        },
      ],
      tasks: [{ connectorOperators: [{ salesforce: "NO_OP" }] }],
      triggerConfig: { triggerType: "OnDemand" },
    });
    expect(inputs("aws:appflow/flow:Flow", "cdp-ads-campaign", native)).toMatchObject({
      sourceFlowConfig: { incrementalPullConfig: { datetimeTypeFieldName: "changed" } },
    });
    expect(inputs("aws:appflow/connectorProfile:ConnectorProfile", "cdp-erp", native)).toMatchObject({
      connectorProfileConfig: {
        connectorProfileCredentials: {
          customConnector: {
            authenticationType: "CUSTOM",
            custom: { customAuthenticationType: "signed", credentialsMap: { apiKey: "k-1" } },
          },
        },
      },
    });
    expect(inputs("aws:appflow/connectorProfile:ConnectorProfile", "cdp-desk", native)).toMatchObject({
      connectorProfileConfig: {
        connectorProfileCredentials: {
          customConnector: { authenticationType: "OAUTH2", oauth2: { clientId: "c", clientSecret: "s" } },
        },
        connectorProfileProperties: {
          customConnector: {
            oauth2Properties: { oauth2GrantType: "CLIENT_CREDENTIALS", tokenUrl: "https://desk.example/token" },
          },
        },
      },
    });
    const preview = await runStack(
      async () => {
        new Ingestion("cdp", { ...given, sources: { crm: crmSource } });
        return {};
      },
      {
        mode: "preview",
        invokes: { "aws:secretsmanager/getSecretVersion:getSecretVersion": () => ({ secretString: '{"apiKey":"k"}' }) },
      },
    );
    expect(preview.graph.counts()).toEqual(run.graph.counts());
  }, 60_000);
});
