import * as pulumi from "@pulumi/pulumi";
import { Activation, type ActivationArgs, audience, trait, webhook } from "@tributary/activation";
import type { FoundationRef } from "@tributary/core";
import { DataLake, type DataLakeArgs } from "@tributary/data-lake";
import { Governance, type GovernanceArgs } from "@tributary/governance";
import { IdentityResolution, type IdentityResolutionArgs } from "@tributary/identity-resolution";
import { http, Ingestion, type IngestionArgs } from "@tributary/ingestion";
import { runStack } from "@tributary/testing";

/**
 * Values of the wrong type, as a program without types or with a cast gives them: each argument of each component, in a
 * program that runs. Wrong values of the right type are in each component's own tests.
 */

const keyArn = "arn:aws:kms:us-east-1:000000000000:key/k";
const foundation: FoundationRef = {
  keyArn,
  alarmTopicArn: "arn:aws:sns:us-east-1:000000000000:alarms",
  environment: "test",
  logRetentionDays: 30,
  tags: { Project: "p" },
};
const table = { name: "t", arn: "arn:aws:dynamodb:us-east-1:000000000000:table/t", keyArn };
const streamed = { ...table, streamArn: `${table.arn}/stream/2026-01-01T00:00:00.000` };

type Kind = "text" | "number" | "object" | "list" | "flag" | "callback";

/** One value of each kind, none of them right for any argument but by its kind. */
const samples: Readonly<Record<Kind | "nothing", unknown>> = {
  text: "?!",
  number: 7.5,
  object: { "?!": 1 },
  list: [],
  flag: true,
  callback: () => 1,
  nothing: null,
};

interface Subject {
  readonly name: string;
  readonly make: (name: string, args: never) => unknown;
  readonly given: object;
  /** What each argument is, by path. */
  readonly kinds: Readonly<Record<string, Kind>>;
}

const subjects: readonly Subject[] = [
  {
    name: "Governance",
    make: (name, args) => new Governance(name, args),
    given: {
      environment: "dev",
      network: { existing: { vpcId: "vpc-1", subnetIds: ["a", "b"], routeTableIds: ["r"] } },
      encryption: { create: {} },
      alarms: { email: "a@example.com" },
      budget: { monthlyUsd: 1, email: "a@example.com" },
    } satisfies GovernanceArgs,
    kinds: {
      environment: "text",
      network: "object",
      "network.existing": "object",
      "network.existing.vpcId": "text",
      "network.existing.subnetIds": "list",
      "network.existing.routeTableIds": "list",
      "network.existing.interfaceEndpoints": "list",
      encryption: "object",
      "encryption.create": "object",
      "encryption.create.deletionWindowDays": "number",
      alarms: "object",
      "alarms.email": "text",
      tags: "object",
      tenant: "text",
      costCenter: "text",
      budget: "object",
      "budget.monthlyUsd": "number",
      "budget.email": "text",
      logRetentionDays: "number",
      permissionsBoundaryArn: "text",
      onDelete: "text",
      transform: "object",
    },
  },
  {
    name: "DataLake",
    make: (name, args) => new DataLake(name, args),
    given: { foundation, nightly: { schedule: { expression: "rate(1 day)" } } } satisfies DataLakeArgs,
    kinds: {
      foundation: "object",
      "foundation.keyArn": "text",
      "foundation.environment": "text",
      "foundation.logRetentionDays": "number",
      "foundation.tags": "object",
      databasePrefix: "text",
      nightly: "object",
      "nightly.schedule": "object",
      "nightly.schedule.expression": "text",
      "nightly.schedule.timezone": "text",
      "nightly.schedule.enabled": "flag",
      queryCutoffGb: "number",
      workers: "number",
      timeoutMinutes: "number",
      onDelete: "text",
      transform: "object",
    },
  },
  {
    name: "Ingestion",
    make: (name, args) => new Ingestion(name, args),
    given: {
      foundation,
      rawZone: { bucket: { name: "raw", arn: "arn:aws:s3:::raw", keyArn }, database: "raw", eventsTable: "events" },
      sources: { web: http() },
      processing: {},
      archive: {},
    } satisfies IngestionArgs,
    kinds: {
      foundation: "object",
      "foundation.alarmTopicArn": "text",
      "foundation.environment": "text",
      "foundation.tags": "object",
      rawZone: "object",
      "rawZone.bucket": "object",
      "rawZone.bucket.arn": "text",
      "rawZone.database": "text",
      "rawZone.eventsTable": "text",
      sources: "object",
      "sources.web": "object",
      "sources.web.writeKey": "text",
      "sources.web.mapping": "object",
      capacity: "object",
      stream: "object",
      streamRetentionHours: "number",
      eventRetentionDays: "number",
      processing: "object",
      "processing.batchSize": "number",
      archive: "object",
      "archive.seconds": "number",
      onDelete: "text",
      onEvent: "callback",
      transform: "object",
    },
  },
  {
    name: "IdentityResolution",
    make: (name, args) => new IdentityResolution(name, args),
    given: { foundation, events: streamed, resolver: {} } satisfies IdentityResolutionArgs,
    kinds: {
      foundation: "object",
      "foundation.alarmTopicArn": "text",
      events: "object",
      "events.arn": "text",
      "events.streamArn": "text",
      rules: "object",
      resolver: "object",
      "resolver.batchSize": "number",
      "resolver.windowSeconds": "number",
      "resolver.parallelization": "number",
      "resolver.memoryMb": "number",
      onDelete: "text",
      transform: "object",
    },
  },
  {
    name: "Activation",
    make: (name, args) => new Activation(name, args),
    given: {
      foundation,
      profiles: { graph: table, profiles: streamed },
      audiences: { all: audience(trait("email").exists()) },
      destinations: { crm: webhook({ url: "https://x.example", purpose: "ads", audiences: ["all"] }) },
    } satisfies ActivationArgs,
    kinds: {
      foundation: "object",
      profiles: "object",
      "profiles.graph": "object",
      "profiles.profiles": "object",
      "profiles.profiles.name": "text",
      "profiles.rules": "object",
      audiences: "object",
      "audiences.all": "object",
      destinations: "object",
      "destinations.crm": "object",
      "destinations.crm.url": "text",
      "destinations.crm.purpose": "text",
      "destinations.crm.audiences": "list",
      "destinations.crm.map": "callback",
      "destinations.crm.headers": "object",
      "destinations.crm.secret": "object",
      "destinations.crm.timeoutSeconds": "number",
      "destinations.crm.maximumConcurrency": "number",
      "destinations.crm.maxAttempts": "number",
      profileApiToken: "text",
      onDelete: "text",
      transform: "object",
    },
  },
];

/** A copy of the arguments with another value at the path. */
function withValue(given: object, path: readonly string[], value: unknown): object {
  const [key = "", ...rest] = path;
  const inner = (given as Record<string, unknown>)[key];
  return { ...given, [key]: rest.length === 0 ? value : withValue(inner as object, rest, value) };
}

/** The paths that a component tells as faults, with the reasons; what it threw instead where that was something else. */
function faultsOf(make: () => unknown): string[] {
  try {
    make();
  } catch (error) {
    if (pulumi.InputPropertiesError.isInstance(error)) {
      return (error.errors ?? []).map(({ propertyPath, reason }) => `${propertyPath}: ${reason}`);
    }
    return [`threw ${String(error)}`];
  }
  return ["took it"];
}

describe.each(subjects)("$name", ({ name, make, given, kinds }) => {
  const arguments_ = Object.entries(kinds);
  const top = Object.keys(kinds).filter((path) => !path.includes("."));

  test("a wrong type of any argument is a fault at its path, in a program that runs", async () => {
    let number = 0;
    const told: { path: string; kind: string; faults: string[] }[] = [];
    await runStack(() => {
      for (const [path, right] of arguments_) {
        for (const [kind, value] of Object.entries(samples)) {
          // `{}` is a fine transform, `"?!"` a fine text: a type is wrong only where it is another.
          if (kind === right) continue;
          number += 1;
          const args = withValue(given, path.split("."), value);
          told.push({ path, kind, faults: faultsOf(() => make(`c${number}`, args as never)) });
        }
      }
    }).catch((error: Error) => {
      // A component that took what it should have refused may fail later: the list below says which.
      if (told.length < arguments_.length) throw error;
    });
    expect(told.length).toBeGreaterThanOrEqual(arguments_.length * 6);
    const missed = told.filter(({ path, faults }) => !faults.some((fault) => fault.startsWith(path)));
    expect(missed).toEqual([]);
    // Each says more than that something is wrong: what is needed.
    const bare = told.flatMap(({ faults }) => faults).filter((fault) => fault.length < fault.indexOf(": ") + 12);
    expect(bare).toEqual([]);
  }, 60_000);

  test("all at once, with the component's name and what was meant", async () => {
    const wrong = { ...Object.fromEntries(top.map((path) => [path, null])), onDelte: "retain" };
    const run = runStack(() => make("cdp", wrong as never));
    const message = await run.then(
      () => "took it",
      (error: Error) => error.message,
    );
    expect(message).toMatch(new RegExp(`${name} "cdp" has \\d+ invalid arguments:`));
    for (const path of top) expect(message).toMatch(new RegExp(`^\\s*${path}[.:]`, "m"));
    expect(message).toMatch(/onDelte: is no argument; did you mean "onDelete"\?/);
  });

  test("no arguments at all is told too", () => {
    for (const nothing of [undefined, null, 5, []]) {
      const [fault, ...more] = faultsOf(() => make("cdp", nothing as never));
      expect(more).toEqual([]);
      expect(fault).toMatch(/^\(arguments\): .* must be an object/);
    }
  });
});
