/** Names of Tributary's metrics, in namespace `Tributary`. Each counts; dimensions beside `service` are in brackets. */
export const metricNames = [
  "EventsAccepted",
  /** [reason] */
  "EventsRejected",
  /** [source]: the signature does not hold; nothing was kept. */
  "WebhooksRefused",
  "EventsApplied",
  "DuplicatesIgnored",
  /** Records of an event that the raw zone has already. */
  "RepeatsNotArchived",
  /** Rows of the raw table of profiles. */
  "ProfileRowsArchived",
  /** [reason, stage] */
  "EventsQuarantined",
  /** Their sum without dimensions of their own: an alarm cannot add up a metric's dimensions. */
  "RecordsQuarantined",
  /** [reason]: by the user's `onEvent` callback, or by a tracking plan. */
  "EventsDropped",
  /** [source, outcome]: events that do not keep to their source's tracking plan, by what became of them. */
  "PlanViolations",
  "ProfilesChanged",
  /** Events that a computed trait is about. */
  "TraitFactsStored",
  /** Changes of somebody's computed traits or audiences. */
  "StandingsWritten",
  "ComponentsFrozen",
  /** [audience] */
  "AudienceEntered",
  /** [audience] */
  "AudienceExited",
  /** [audience]: profiles that the lake names and that are not there. */
  "SegmentProfilesUnknown",
  /** [destination] */
  "DeliveriesSucceeded",
  /** [destination] */
  "DeliveriesFailed",
  /** [destination] */
  "DeliveriesSkipped",
  /** [destination] */
  "ConsentWithheld",
  "RecordsRetried",
] as const;
export type MetricName = (typeof metricNames)[number];

export interface Metrics {
  /** Adds to a counter; kept in memory until `flush`. */
  count(name: MetricName, value?: number, dimensions?: Readonly<Record<string, string>>): void;
  /** Prints what was counted as CloudWatch embedded metric format, one line per set of dimensions, and starts again at zero. */
  flush(): void;
}

/**
 * Counters in CloudWatch's embedded metric format. Not Powertools Metrics: that prints a line at every call that has
 * dimensions of its own, thousands a second here; this sums per set of dimensions and prints once per invocation.
 */
export function metrics(
  service: string,
  options: { namespace?: string; print?: (line: string) => void; now?: () => number } = {},
): Metrics {
  const { namespace = "Tributary", print = (line) => process.stdout.write(`${line}\n`), now = Date.now } = options;
  const sets = new Map<string, { dimensions: Record<string, string>; counts: Map<MetricName, number> }>();
  return {
    count(name, value = 1, dimensions = {}) {
      if (value === 0) return;
      const all: Record<string, string> = { service, ...dimensions };
      const key = JSON.stringify(all);
      let set = sets.get(key);
      if (!set) {
        set = { dimensions: all, counts: new Map() };
        sets.set(key, set);
      }
      set.counts.set(name, (set.counts.get(name) ?? 0) + value);
    },
    flush() {
      for (const { dimensions, counts } of sets.values()) {
        const embedded = {
          Namespace: namespace,
          Dimensions: [Object.keys(dimensions)],
          Metrics: [...counts.keys()].map((Name) => ({ Name, Unit: "Count" })),
        };
        const line = { _aws: { Timestamp: now(), CloudWatchMetrics: [embedded] }, ...dimensions };
        print(JSON.stringify({ ...line, ...Object.fromEntries(counts) }));
      }
      sets.clear();
    },
  };
}
