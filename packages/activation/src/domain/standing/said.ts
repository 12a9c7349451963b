/** What the lake said of a profile and a segment by SQL. */
export interface Said {
  readonly member: boolean;
  /** Which import said so: see `runOf`. Later ones are greater texts. */
  readonly run: string;
}

/** By segment. */
export type SaidOf = Readonly<Record<string, Said>>;

/** Names an import so that later ones are greater: by the instant that the lake is as of, then by its own beginning. */
export function runOf(asOf: string, startedAt: string): string {
  return `${new Date(asOf).toISOString()}/${new Date(startedAt).toISOString()}`;
}

/**
 * What is known after more was said: of each segment what the later import said, and of one import that it is in, as two
 * people may have become one since the night. Neither order nor repetition matters.
 */
export function hear(known: SaidOf, news: SaidOf): SaidOf {
  const heard: Record<string, Said> = { ...known };
  for (const [segment, said] of Object.entries(news)) {
    const before = heard[segment];
    if (!before || said.run > before.run || (said.run === before.run && said.member)) heard[segment] = said;
  }
  return heard;
}

/** What the heir of a merged profile hears: where that one was in. */
export function membershipsIn(said: SaidOf): SaidOf {
  return Object.fromEntries(Object.entries(said).filter(([, { member }]) => member));
}
