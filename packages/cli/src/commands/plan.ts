import { writeFileSync } from "node:fs";
import {
  Breakage,
  type CustomerEvent,
  Drift,
  type DriftFinding,
  type DriftReport,
  diffPlans,
  type PlanChange,
  planTypes,
} from "@tributary/model";
import { Command } from "commander";
import { type CommonOptions, withCommonOptions } from "../context";
import { CommandError, UsageError } from "../errors";
import { readMapping } from "../load";
import { count, createOutput, type Output, table } from "../output";
import { planOf, readPlanFile, sampleEvents } from "../plan";

interface PlanOptions extends CommonOptions {
  readonly plan?: string;
  readonly source?: string;
  readonly mapping?: string;
}

const withPlan = (command: Command) =>
  withCommonOptions(command)
    .option("--source <id>", "the source whose plan in the program is meant (default: the only one with a plan)")
    .option("--plan <file>", "a plan's JSON file in place of the program's");

/** Counts lines without an event and names the first of them. */
class Unreadable {
  lines = 0;
  readonly first: { line: string; reason: string }[] = [];

  add(line: string, reason: string): void {
    this.lines += 1;
    if (this.first.length < 5) this.first.push({ line, reason });
  }
}

async function readSample(
  files: readonly string[],
  options: PlanOptions,
  add: (event: CustomerEvent, line: string) => void,
): Promise<Unreadable> {
  const mapping = options.mapping === undefined ? undefined : readMapping(options.mapping);
  const unreadable = new Unreadable();
  for await (const sample of sampleEvents(files, { mapping, source: options.source })) {
    if ("event" in sample) add(sample.event, sample.line);
    else unreadable.add(sample.line, sample.unreadable);
  }
  return unreadable;
}

function findingsTable(findings: readonly DriftFinding[]): string {
  return table(
    ["event", "field", "what", "found", "events", "lines", ""],
    findings.map(({ event, field, description, found, events, lines, suggestion }) => [
      event,
      field,
      description,
      Object.entries(found)
        .map(([type, number]) => `${type} ${count(number)}`)
        .join(", "),
      count(events),
      lines.join(" "),
      suggestion ?? "",
    ]),
  );
}

function reportText(report: DriftReport, unreadable: Unreadable): string {
  const { accepted, flagged, omitted, quarantined, dropped } = report.outcomes;
  const section = (title: string, findings: readonly DriftFinding[]) =>
    findings.length === 0 ? [] : ["", title, findingsTable(findings)];
  return [
    table(
      ["planned event", "seen", "violating"],
      report.planned.map(({ event, seen, violating }) => [event, count(seen), count(violating)]),
    ),
    ...section("Violations", report.violations),
    ...section("Unplanned events", report.unplannedEvents),
    ...section("Unplanned properties", report.unplannedProperties),
    "",
    `${count(report.events)} events: ${count(accepted)} as planned, ${count(flagged)} flagged, ${count(omitted)} with properties omitted, ${count(quarantined)} quarantined, ${count(dropped)} left out.`,
    ...(unreadable.lines === 0 ? [] : [`${count(unreadable.lines)} lines hold no event:`]),
    ...unreadable.first.map(({ line, reason }) => `  ${line} ${reason}`),
  ].join("\n");
}

function checkCommand(): Command {
  return withPlan(new Command("check"))
    .description("hold a sample of events against a tracking plan, before a deploy")
    .argument(
      "<sample...>",
      "files of events: JSON lines as clients send them, exports of the raw zone, or rows with --mapping",
    )
    .option("--mapping <file>", "how a row becomes an event (JSON; needed for CSV)")
    .option("--strict", "fail on what the plan only flags, leaves out or lets pass unplanned, too")
    .action(async (files: string[], options: PlanOptions & { strict?: boolean }) => {
      const drift = new Drift(await planOf(options));
      const unreadable = await readSample(files, options, (event, line) => drift.add(event, line));
      const report = drift.report();
      const strict = options.strict ?? false;
      createOutput(options.json ?? false).result({ ...report, unreadable }, () => reportText(report, unreadable));
      if (report.events === 0) throw new CommandError("The sample holds no event: nothing was checked.");
      const { accepted, quarantined } = report.outcomes;
      const told = report.unplannedEvents.length + report.unplannedProperties.length;
      const refused = strict ? report.events - accepted : quarantined;
      if (refused > 0)
        throw new CommandError(
          `${count(refused)} of ${count(report.events)} events ${strict ? "do not keep to the plan" : "would be quarantined"}.`,
        );
      if (strict && told > 0)
        throw new CommandError(`${count(told)} kinds of events or properties are not in the plan.`);
    });
}

function diffText(changes: readonly PlanChange[]): string {
  if (changes.length === 0) return "No change.";
  return table(
    ["change", "event", "property", "rule", "before", "after"],
    changes.map(({ kind, event, path, rule, before, after }) => [kind, event, path, rule, before, after]),
  );
}

/** @returns what is to be said when the change does not pass */
function verdict(changes: readonly PlanChange[], breakage: Breakage | undefined): string | undefined {
  const narrowing = changes.filter(({ kind }) => kind === "narrowing");
  if (narrowing.length > 0) {
    const what = narrowing.length === 1 ? "1 change narrows" : `${count(narrowing.length)} changes narrow`;
    const broken = breakage
      ? `; ${count(breakage.broken)} of ${count(breakage.events)} events of the sample would break`
      : "";
    const remedy =
      "take both for a while (a union of the types, an optional property), or name the new event otherwise";
    return `${what} the plan${broken}. Events that were taken may be refused: ${remedy}.`;
  }
  if (breakage && breakage.broken > 0)
    return `${count(breakage.broken)} of ${count(breakage.events)} events of the sample would break.`;
  return undefined;
}

function diffCommand(): Command {
  return withPlan(new Command("diff"))
    .description("compare two versions of a tracking plan: widening passes, narrowing fails")
    .argument("<old>", "the plan before, as `plan show` writes it")
    .argument("[new]", "the plan after (default: the program's)")
    .option("--sample <file...>", "events that both versions are tried on")
    .option("--mapping <file>", "how a row of the sample becomes an event")
    .action(async (old: string, next: string | undefined, options: PlanOptions & { sample?: string[] }) => {
      if (next !== undefined && options.plan !== undefined)
        throw new UsageError("The new plan is named twice: as an argument and by --plan. Leave one out.");
      const before = readPlanFile(old);
      const after = await planOf(next === undefined ? options : { ...options, plan: next });
      const changes = diffPlans(before, after);
      let breakage: Breakage | undefined;
      if (options.sample) {
        const tried = new Breakage(before, after);
        await readSample(options.sample, options, (event, line) => tried.add(event, line));
        breakage = tried;
      }
      const sample = breakage && { events: breakage.events, broken: breakage.broken, findings: breakage.findings() };
      const fault = verdict(changes, breakage);
      createOutput(options.json ?? false).result(
        { passes: fault === undefined, changes, ...(sample ? { sample } : {}) },
        () =>
          [
            diffText(changes),
            ...(sample && sample.broken > 0
              ? ["", "Events of the sample that would break", findingsTable(sample.findings)]
              : []),
          ].join("\n"),
      );
      if (fault !== undefined) throw new CommandError(fault);
    });
}

function put(text: string, out: string | undefined, output: Output): void {
  if (out === undefined) process.stdout.write(text);
  else {
    writeFileSync(out, text);
    output.note(`Written to ${out}.`);
  }
}

/** `tributary plan check|diff|types|show`: tracking plans, before a deploy. */
export function planCommand(): Command {
  const types = withPlan(new Command("types"))
    .description("TypeScript types for producers, from a tracking plan")
    .option("--out <file>", "write to this file (default: stdout)")
    .action(async (options: PlanOptions & { out?: string }) => {
      put(planTypes(await planOf(options)), options.out, createOutput(false));
    });
  const show = withPlan(new Command("show"))
    .description("a tracking plan as JSON: keep it beside the program, for `plan diff`")
    .option("--out <file>", "write to this file (default: stdout)")
    .action(async (options: PlanOptions & { out?: string }) => {
      put(`${JSON.stringify(await planOf(options), null, 2)}\n`, options.out, createOutput(false));
    });
  return new Command("plan")
    .description("tracking plans, before a deploy")
    .addCommand(checkCommand())
    .addCommand(diffCommand())
    .addCommand(types)
    .addCommand(show);
}
