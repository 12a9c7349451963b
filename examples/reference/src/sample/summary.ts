import { count, seconds, table } from "@tributary/cli";

/** What `npm start` has to tell: the JSON document of `--json`, and the source of the text for people. */
export interface Summary {
  readonly seed: number;
  readonly people: number;
  readonly events: {
    readonly sent: number;
    readonly applied: number;
    readonly duplicates: number;
    readonly quarantined: Readonly<Record<string, number>>;
  };
  readonly profiles: number;
  readonly identity: {
    readonly precision: number;
    readonly recall: number;
    readonly f1: number;
    readonly largestProfile: number;
  };
  readonly audiences: Readonly<Record<string, number>>;
  readonly deliveries: { readonly received: Readonly<Record<string, number>>; readonly consentWithheld: number };
  /** Rows by table, `zone.table`. */
  readonly rows: Readonly<Record<string, number>>;
  /** Seconds by stage. */
  readonly seconds: Readonly<Record<string, number>>;
  readonly endpoints: Readonly<Record<string, string | null>>;
  readonly writeKeys: Readonly<Record<string, string>>;
  readonly dataDir: string;
}

const total = (numbers: Readonly<Record<string, number>>) =>
  Object.values(numbers).reduce((sum, value) => sum + value, 0);
const percent = (value: number) => `${(value * 100).toFixed(2)} %`;

export function describeSummary(summary: Summary): string {
  const { events, identity } = summary;
  const quarantined = Object.entries(events.quarantined).map(([reason, number]) => [`  ${reason}`, count(number)]);
  return [
    "",
    table(
      ["What happened", ""],
      [
        ["people in the sample", count(summary.people)],
        ["events sent", count(events.sent)],
        ["  applied", count(events.applied)],
        ["  duplicates ignored", count(events.duplicates)],
        ["  quarantined", count(total(events.quarantined))],
        ...quarantined.map(([reason, number]) => [`  ${reason}`, number]),
        ["profiles", count(summary.profiles)],
        ["  identity precision", percent(identity.precision)],
        ["  identity recall", percent(identity.recall)],
        ["  F1", percent(identity.f1)],
        ["  identifiers in the largest profile", count(identity.largestProfile)],
        ...Object.entries(summary.audiences).map(([name, size]) => [`audience ${name}`, count(size)]),
        ["webhooks received", count(total(summary.deliveries.received))],
        ["  withheld for consent", count(summary.deliveries.consentWithheld)],
        ...Object.entries(summary.rows).map(([name, rows]) => [`rows in ${name}`, count(rows)]),
        ...Object.entries(summary.seconds).map(([stage, time]) => [`time: ${stage}`, seconds(time)]),
      ],
    ),
  ].join("\n");
}

/** What to try next, with the real addresses and keys filled in. */
export function describeNext(summary: Summary, data: string): string {
  const key = summary.writeKeys.web ?? "<write key>";
  const flag = data === ".tributary" ? "" : ` --data ${data}`;
  const tributary = "npx tributary";
  return [
    "Try next, in another terminal:",
    "",
    "  # send an event, then look at the person",
    `  curl -u ${key}: -H 'content-type: application/json' ${summary.endpoints.collector}/v1/identify \\`,
    `    -d '{"userId":"me","traits":{"email":"me@example.com","firstName":"Me"}}'`,
    `  ${tributary} profile email:me@example.com${flag}`,
    "",
    `  ${tributary} sql "select country, sum(quantity * unit_price) as revenue from curated.order_lines group by country order by revenue desc"${flag}`,
    `  ${tributary} explain user_id:me email:me@example.com${flag}`,
    `  ${tributary} quarantine list${flag}`,
    `  ${tributary} state-hash${flag}`,
    `  AWS_ENDPOINT_URL=${summary.endpoints.aws} AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local aws kinesis list-streams`,
    "",
    "Ctrl-C stops the platform; its data stays in the data folder, and the next start goes on from there.",
  ].join("\n");
}
