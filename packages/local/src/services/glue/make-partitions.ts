import { LakeEngine, type Session } from "../duckdb";
import { contentsOf } from "./content";
import { messageOf } from "./disk-full";
import { type PartitionName, partitionValues } from "./fingerprints";
import { FirstPartition } from "./first-partition";
import { KeyIndex } from "./key-index";
import { type Source, show } from "./sources";
import { conform, stagePartition } from "./stage";
import { bindStep, type Made, type StepContext } from "./step-context";
import { filesBefore } from "./swap";
import { assertReadable } from "./unreadable";

/** Makes partitions, each by itself from the same partitions of the sources, several at a time. */
export async function makePartitions(context: StepContext, only: readonly PartitionName[] | undefined): Promise<Made> {
  const { run, session, query, target, sources, temporary } = context;
  const { follow, key, firstBy, order, presorted } = run.step;
  const followed = sources.filter((source) => source.followed);
  const everything = [...new Set(followed.flatMap(({ partitions }) => [...partitions.keys()]))].sort();
  const select = await conform(session, query, target);
  await showOthers(session, sources);
  let partitions = only;
  let first: FirstPartition | undefined;
  const [source] = followed;
  if (follow === "first" && source !== undefined) {
    first = new FirstPartition(session, source, {
      target,
      partitions: filesBefore(run.kernel, target),
      key,
      index: new KeyIndex(run.kernel, session, target, key),
      by: firstBy,
    });
    partitions = only === undefined ? undefined : await first.hold(only);
    // What was not looked at before: later partitions that hold keys of the changed ones.
    if (only !== undefined && partitions?.length !== only.length) await assertReadable(session, sources, partitions);
    await first.settle(partitions ?? everything, select, (rows) => show(session, source, [], () => rows));
  }
  const made = (partitions ?? everything).filter((name) => followed.some((each) => each.partitions.has(name)));
  const keys = target.partitionKeys.map(({ name }) => name);
  const shape = { target, order: [...order, ...key], presorted };
  let rows = 0;
  // Taken beside the next partition's statement, and the rules'.
  const contents: Promise<ReadonlyMap<string, string>>[] = [];
  const makeOne = async (worker: Session, name: PartitionName) => {
    for (const each of followed) await show(worker, each, [name]);
    const mine = first?.leaveOut(select, name) ?? select;
    const count = await stagePartition(worker, mine, temporary, { name, values: partitionValues(name, keys) }, shape);
    // Not in one line with the wait: others add theirs meanwhile.
    rows += count;
    contents.push(contentsOf(temporary, `${name}/`));
  };
  const [alone] = made;
  const done = made.length === 1 && alone !== undefined && (await fits(() => makeOne(session, alone)));
  if (!done) await sideBySide(context, largestFirst(made, followed), makeOne);
  const told = Promise.all(contents).then((each) => new Map(each.flatMap((some) => [...some])));
  told.catch(() => {});
  return { staged: { folder: temporary, rows, contents: told }, ...(partitions === undefined ? {} : { partitions }) };
}

const isOutOfMemory = (error: unknown): boolean => /\bOut of Memory Error\b/.test(messageOf(error));

/** One partition has every thread to itself, and one thread's memory where that is too much. */
async function fits(work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (isOutOfMemory(error)) return false;
    throw error;
  }
}

/** Lets the sources that are not followed mean all of their rows. */
async function showOthers(session: Session, sources: readonly Source[]): Promise<void> {
  for (const each of sources) if (!each.followed) await show(session, each, each.partitions.keys());
}

/** So that none that takes long begins last. */
function largestFirst(names: readonly PartitionName[], followed: readonly Source[]): PartitionName[] {
  const bytes = (name: PartitionName) =>
    followed.flatMap(({ partitions }) => partitions.get(name) ?? []).reduce((sum, { size }) => sum + size, 0);
  const sized = names.map((name) => ({ name, size: bytes(name) }));
  return sized.sort((a, b) => b.size - a.size).map(({ name }) => name);
}

/**
 * Does work for each partition, in as many sessions as the engine has side by side. Where memory does not do for several,
 * fewer go on. The first other failure ends all of it.
 */
async function sideBySide(
  { run, working, query, target, sources }: StepContext,
  partitions: readonly PartitionName[],
  work: (session: Session, partition: PartitionName) => Promise<void>,
): Promise<void> {
  const waiting = [...partitions];
  const triedAlone = new Set<PartitionName>();
  const failures: unknown[] = [];
  await LakeEngine.of(run.kernel).sideBySide("spark", async (sessions) => {
    let going = sessions.length;
    for (const session of sessions) working.add(session);
    const go = async (session: Session) => {
      await bindStep(run, session, query, target);
      await showOthers(session, sources);
      for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
        try {
          await work(session, name);
        } catch (error) {
          if (!isOutOfMemory(error) || triedAlone.has(name)) throw error;
          waiting.unshift(name);
          // Whoever goes leaves the rest to those that stay: told in the same breath, so that one does.
          if (going > 1) break;
          triedAlone.add(name);
        }
      }
      going--;
    };
    try {
      await Promise.all(
        sessions.map(async (session) => {
          try {
            await go(session);
          } catch (error) {
            // The others end with what they are at, and what they say then is not why.
            failures.push(error);
            waiting.length = 0;
          }
        }),
      );
    } finally {
      for (const session of sessions) working.delete(session);
    }
  });
  if (failures.length > 0) throw failures[0];
  if (waiting.length > 0) throw new Error(`the partitions ${waiting.join(", ")} were not made: start the run again`);
}
