import type { MatchReport, MatchResult, SamplePair, SuspiciousProfile } from "@tributary/matching";
import { count, seconds } from "./output";

/** Where a report comes from. */
export interface ReportTitle {
  readonly inputs: readonly string[];
  readonly rules: string;
  readonly madeAt: Date;
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
const escaped = (value: unknown): string => String(value ?? "").replace(/[&<>"']/g, (sign) => entities[sign] ?? sign);

/** A run of `tributary resolve` as one HTML page that needs nothing else: no script, no network. */
export function resolveReport(result: MatchResult, report: MatchReport, title: ReportTitle): string {
  const { summary } = result;
  const sections = [
    figures(result),
    sizes(report),
    links(result),
    suspicious(report.suspicious),
    pairs(report.pairs),
    suppressed(result),
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${count(summary.records)} records, ${count(summary.profiles)} profiles</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>Who is who in ${escaped(title.inputs.join(", "))}</h1>
<p class="quiet">Rules: ${escaped(title.rules)} · made ${escaped(title.madeAt.toISOString().slice(0, 16).replace("T", " "))} UTC ·
this page shows personal data: keep it as you keep the input.</p>
${sections.join("\n")}
</main>
</body>
</html>
`;
}

function figures({ summary }: MatchResult): string {
  const { evaluation } = summary;
  const numbers: readonly (readonly [string, string])[] = [
    [count(summary.records), "records"],
    [count(summary.profiles), "profiles"],
    [(summary.records / Math.max(summary.profiles, 1)).toFixed(2), "records a profile"],
    [count(summary.largest), "records in the largest"],
    [seconds(summary.seconds), "taken"],
    ...(evaluation
      ? ([
          [evaluation.precision.toFixed(4), "precision"],
          [evaluation.recall.toFixed(4), "recall"],
          [evaluation.f1.toFixed(4), "F1, of pairs"],
        ] as const)
      : []),
  ];
  const cells = numbers.map(([value, label]) => `<div><b>${escaped(value)}</b><span>${escaped(label)}</span></div>`);
  return `<section class="figures">${cells.join("")}</section>`;
}

function bar(share: number, kind = ""): string {
  return `<span class="bar ${kind}" style="width:${(Math.min(Math.max(share, 0), 1) * 100).toFixed(1)}%"></span>`;
}

function sizes({ sizes: all }: MatchReport): string {
  const most = Math.max(...all.map(({ profiles }) => profiles), 1);
  // Sizes spread over powers of ten: on a linear scale everything but the singles would be nothing.
  const scaled = (profiles: number) => Math.log10(profiles + 1) / Math.log10(most + 1);
  const shown = all.length <= 40 ? all : [...all.slice(0, 30), ...all.slice(-10)];
  const rows = shown.map(
    ({ size, profiles }) =>
      `<tr><td class="number">${count(size)}</td><td class="number">${count(profiles)}</td><td class="wide">${bar(scaled(profiles))}</td></tr>`,
  );
  return `<section><h2>Sizes of profiles</h2>
<table><thead><tr><th>records</th><th>profiles</th><th class="wide">logarithmic</th></tr></thead><tbody>${rows.join("")}</tbody></table></section>`;
}

function links({ summary, cut }: MatchResult): string {
  const made = Object.entries(summary.links).sort((a, b) => b[1] - a[1]);
  const most = Math.max(...made.map(([, links]) => links), 1);
  const rows = made.map(
    ([rule, links]) =>
      `<tr><td>${escaped(rule)}</td><td class="number">${count(links)}</td><td class="wide">${bar(links / most)}</td></tr>`,
  );
  const refused = Object.entries(cut).sort((a, b) => b[1] - a[1]);
  const refusals = refused.map(
    ([reason, links]) => `<tr><td>${escaped(reason)}</td><td class="number">${count(links)}</td></tr>`,
  );
  return `<section><h2>Links by rule</h2>
<table><thead><tr><th>rule</th><th>links</th><th class="wide"></th></tr></thead><tbody>${rows.join("")}</tbody></table>
${refusals.length === 0 ? "" : `<h3>Links that a constraint refused</h3><table><thead><tr><th>reason</th><th>links</th></tr></thead><tbody>${refusals.join("")}</tbody></table>`}</section>`;
}

function records(rows: readonly Readonly<Record<string, string | null>>[]): string {
  const names = Object.keys(rows[0] ?? {});
  // What differs from the row above in the eye of a reader: values that are not the most frequent of their column.
  const usual = new Map(names.map((name) => [name, mostFrequent(rows.map((row) => row[name] ?? ""))]));
  const body = rows.map((row) => {
    const cells = names.map((name) => {
      const value = row[name] ?? "";
      const odd = name !== "id" && value !== "" && value !== usual.get(name);
      return `<td${odd ? ' class="odd"' : ""}>${escaped(value)}</td>`;
    });
    return `<tr>${cells.join("")}</tr>`;
  });
  const head = names.map((name) => `<th>${escaped(name)}</th>`);
  return `<div class="scroll"><table><thead><tr>${head.join("")}</tr></thead><tbody>${body.join("")}</tbody></table></div>`;
}

function mostFrequent(values: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const value of values) if (value !== "") counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? "";
}

function suspicious(profiles: readonly SuspiciousProfile[]): string {
  if (profiles.length === 0) return "";
  const blocks = profiles.map(
    ({ profileId, records: size, reasons, rows }, index) =>
      `<details${index < 3 ? " open" : ""}><summary><code>${escaped(profileId)}</code> · ${count(size)} records · ${escaped(reasons.join(", "))}</summary>
${records(rows)}${size > rows.length ? `<p class="quiet">${count(size - rows.length)} more records</p>` : ""}</details>`,
  );
  return `<section><h2>The most suspicious profiles</h2>
<p class="quiet">Their records contradict each other in what a person has one of. Marked: what differs from the profile's most frequent value.</p>
${blocks.join("\n")}</section>`;
}

function pairs(samples: readonly SamplePair[]): string {
  if (samples.length === 0) return "";
  const blocks = samples.map((pair) => {
    const verdict = pair.linked ? "linked" : "not linked";
    return `<details><summary>${verdict} · match weight ${pair.weight.toFixed(1)} · <code>${escaped(pair.a.id)}</code> and <code>${escaped(pair.b.id)}</code></summary>
${records([pair.a, pair.b])}${waterfall(pair)}</details>`;
  });
  return `<section><h2>How pairs were weighed</h2>
<p class="quiet">A match weight is the log2 of the odds: each step doubles them once for each point, or halves them.</p>
${blocks.join("\n")}</section>`;
}

function waterfall({ steps, weight }: SamplePair): string {
  let sum = 0;
  const ends = steps.map((step) => {
    const from = sum;
    sum += step.weight;
    return { ...step, from, to: sum };
  });
  const edges = ends.flatMap(({ from, to }) => [from, to]);
  const [least, most] = [Math.min(0, ...edges), Math.max(0, ...edges)];
  const place = (value: number) => ((value - least) / Math.max(most - least, 1e-9)) * 100;
  const rows = ends.map(({ label, weight: step, from, to }) => {
    const [left, right] = [place(Math.min(from, to)), place(Math.max(from, to))];
    const style = `margin-left:${left.toFixed(1)}%;width:${Math.max(right - left, 0.4).toFixed(1)}%`;
    return `<tr><td>${escaped(label)}</td><td class="number">${step >= 0 ? "+" : ""}${step.toFixed(2)}</td><td class="wide"><span class="bar ${step < 0 ? "against" : ""}" style="${style}"></span></td></tr>`;
  });
  return `<table class="waterfall"><tbody>${rows.join("")}<tr><th>match weight</th><th class="number">${weight.toFixed(2)}</th><th></th></tr></tbody></table>`;
}

function suppressed({ suppressed: values }: MatchResult): string {
  if (values.length === 0) return "";
  const rows = values
    .slice(0, 50)
    .map(
      ({ of, value, records: n, reason }) =>
        `<tr><td>${escaped(of)}</td><td>${escaped(value ?? "")}</td><td class="number">${count(n)}</td><td>${escaped(reason)}</td></tr>`,
    );
  const more = values.length > 50 ? `<p class="quiet">${count(values.length - 50)} more</p>` : "";
  return `<section><h2>Values that belong to nobody</h2>
<div class="scroll"><table><thead><tr><th>of</th><th>value</th><th>records</th><th>why</th></tr></thead><tbody>${rows.join("")}</tbody></table></div>${more}</section>`;
}

const style = `
:root{color-scheme:light dark;--ink:#1c2430;--quiet:#667085;--line:#d9dee7;--fill:#3b76d6;--against:#d6603b;--odd:#fdeecb;--page:#fff}
@media(prefers-color-scheme:dark){:root{--ink:#e8ecf3;--quiet:#98a2b3;--line:#344054;--fill:#5b95f0;--against:#f0845b;--odd:#5a4515;--page:#10151d}}
*{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:70rem;margin:0 auto;padding:2rem 1.25rem 4rem}h1{font-size:1.5rem;margin:0 0 .25rem}h2{font-size:1.15rem;margin:2.5rem 0 .5rem}h3{font-size:1rem}
.quiet{color:var(--quiet);margin:.25rem 0 1rem}.figures{display:flex;flex-wrap:wrap;gap:1rem 2.5rem;margin-top:1.5rem}.figures div{display:flex;flex-direction:column}
.figures b{font-size:1.6rem;font-weight:600}.figures span{color:var(--quiet)}
table{border-collapse:collapse;font-size:.9rem;min-width:20rem}th,td{text-align:left;padding:.25rem .75rem .25rem 0;border-bottom:1px solid var(--line);vertical-align:top}
th{color:var(--quiet);font-weight:500}.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}.wide{width:24rem}
.bar{display:inline-block;height:.7rem;background:var(--fill);border-radius:2px;min-width:1px}.bar.against{background:var(--against)}
details{border:1px solid var(--line);border-radius:6px;padding:.5rem .9rem;margin:.5rem 0}summary{cursor:pointer}.odd{background:var(--odd)}
.scroll{overflow-x:auto}code{font-size:.85em}.waterfall{margin-top:.75rem}
`;
