import { bucketRefFaults, type Fault, inputTextFaults, nearest, objectFaults, quoted } from "@tributary/core";

const example = "lake.segments, of a DataLake with the same segments";

/**
 * Faults of the ref to a lake's segments, and of audiences that are none of them.
 * @param audiences SELECTs of the audiences by SQL
 */
export function segmentsFaults(segments: unknown, audiences: Readonly<Record<string, string>>): Fault[] {
  const names = Object.keys(audiences);
  if (segments === undefined) {
    if (names.length === 0) return [];
    const reason = `is missing; give ${example}: ${names.map((name) => `audiences.${name}`).join(", ")} by SQL, which the lake computes`;
    return [{ path: "segments", reason }];
  }
  return objectFaults("segments", segments, example, (given) => [
    ...objectFaults("segments.members", given.members, example, (table) => [
      ...inputTextFaults("segments.members.database", table.database, "the Glue database's name: lake.segments has it"),
      ...inputTextFaults("segments.members.table", table.table, "the Glue table's name: lake.segments has it"),
      ...bucketRefFaults("segments.members.bucket", table.bucket, "lake.segments"),
      ...prefixFaults("segments.members.prefix", table.prefix),
    ]),
    ...objectFaults("segments.workgroup", given.workgroup, example, (workgroup) => [
      ...inputTextFaults("segments.workgroup.name", workgroup.name, "the workgroup's name: lake.segments has it"),
      ...inputTextFaults("segments.workgroup.arn", workgroup.arn, "the workgroup's ARN: lake.segments has it"),
      ...bucketRefFaults("segments.workgroup.results", workgroup.results, "lake.segments"),
      ...prefixFaults("segments.workgroup.resultsPrefix", workgroup.resultsPrefix),
    ]),
    ...objectFaults("segments.sql", given.sql, "SELECTs by name: lake.segments has them", (sql) =>
      Object.entries(audiences).flatMap(([name, select]) => audienceFaults(name, select, sql)),
    ),
  ]);
}

/** One name means one thing, in the lake and here. */
function audienceFaults(name: string, select: string, sql: Record<string, unknown>): Fault[] {
  const path = `audiences.${name}`;
  if (sql[name] === select) return [];
  if (Object.hasOwn(sql, name))
    return [{ path, reason: "is another SELECT than the lake's segment of this name; give both the same object" }];
  const near = nearest(name, Object.keys(sql));
  const remedy = near ? `did you mean "${near}"?` : `give DataLake the same: segments: { ${name}: segment(sql("…")) }`;
  return [{ path, reason: `is a segment by SQL, and the lake has none of this name; ${remedy}` }];
}

function prefixFaults(path: string, prefix: unknown): Fault[] {
  if (typeof prefix === "string" && prefix.endsWith("/")) return [];
  return [{ path, reason: `${quoted(prefix)} must be a plain string with a slash at its end` }];
}
