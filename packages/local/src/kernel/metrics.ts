import type { MetricDatum } from "./types";

/** Sums of CloudWatch metrics since this process started, by namespace, name and dimensions. */
export class Metrics {
  private readonly sums = new Map<
    string,
    { datum: Omit<MetricDatum, "value" | "at">; sum: number; count: number; max: number }
  >();

  put(datum: MetricDatum): void {
    const dimensions = Object.fromEntries(Object.entries(datum.dimensions).sort(([a], [b]) => (a < b ? -1 : 1)));
    const key = JSON.stringify([datum.namespace, datum.name, dimensions]);
    const entry = this.sums.get(key);
    if (entry) {
      entry.sum += datum.value;
      entry.count += 1;
      entry.max = Math.max(entry.max, datum.value);
    } else {
      this.sums.set(key, {
        datum: { namespace: datum.namespace, name: datum.name, dimensions },
        sum: datum.value,
        count: 1,
        max: datum.value,
      });
    }
  }

  /** The sum of a metric over every set of dimensions that contains the given ones. */
  sum(name: string, dimensions: Record<string, string> = {}): number {
    let total = 0;
    for (const { datum, sum } of this.sums.values()) {
      if (datum.name !== name) continue;
      if (Object.entries(dimensions).every(([key, value]) => datum.dimensions[key] === value)) total += sum;
    }
    return total;
  }

  list(): {
    namespace: string;
    name: string;
    dimensions: Record<string, string>;
    sum: number;
    count: number;
    max: number;
  }[] {
    return [...this.sums.values()].map(({ datum, sum, count, max }) => ({
      namespace: datum.namespace,
      name: datum.name,
      dimensions: { ...datum.dimensions },
      sum,
      count,
      max,
    }));
  }
}
