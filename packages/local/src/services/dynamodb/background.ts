import type { Kernel } from "../../kernel";
import type { ItemKey } from "./schema";
import type { Table } from "./table";
import type { Tables } from "./tables";

/** A stream's records live 24 hours, as on AWS. */
const streamMs = 24 * 3_600_000;
/** What expired longer ago than five years is left alone, as on AWS. */
const oldestExpirySeconds = 5 * 365 * 86_400;
const chunk = 1000;

/**
 * Deletes the items whose time to live is over; returns how many. Looks at a table only where something can have
 * expired, and then at all of it, in pieces, so that other work goes on. A change that gives an item a new time
 * between the look and the deletion wins.
 */
export async function sweepExpired(kernel: Kernel, tables: Tables): Promise<number> {
  let deleted = 0;
  for (const table of tables.list()) {
    const next = table.nextExpiry;
    if (next === undefined || next > kernel.now() / 1000) continue;
    table.beginSweep();
    let earliest: number | undefined;
    try {
      const result = await sweepTable(kernel, table);
      earliest = result.earliest;
      deleted += result.deleted;
    } finally {
      const seen = earliest;
      await kernel.store.write(() => table.endSweep(seen));
    }
  }
  return deleted;
}

async function sweepTable(kernel: Kernel, table: Table): Promise<{ deleted: number; earliest: number }> {
  const { id } = table.definition;
  let deleted = 0;
  let earliest = Number.POSITIVE_INFINITY;
  let from: (string | number)[] | undefined;
  for (;;) {
    const now = kernel.now() / 1000;
    const page = [
      ...table.tables.items.entries({
        start: from ?? [id],
        end: [id + 1],
        limit: chunk,
        exclusiveStart: from !== undefined,
      }),
    ];
    const due: ItemKey[] = [];
    for (const { key, value } of page) {
      const expiry = table.expiryOf(value.i);
      if (expiry === undefined || expiry < now - oldestExpirySeconds) continue;
      if (expiry <= now) due.push((key as [number, ...ItemKey]).slice(1) as ItemKey);
      else earliest = Math.min(earliest, expiry);
    }
    if (due.length > 0) deleted += await kernel.store.write(() => deleteDue(table, due, now));
    const last = page.at(-1);
    if (!last || page.length < chunk) break;
    from = last.key as (string | number)[];
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (deleted > 0) table.notify();
  return { deleted, earliest };
}

/** Inside `Store.write`. */
function deleteDue(table: Table, places: readonly ItemKey[], now: number): number {
  let deleted = 0;
  for (const place of places) {
    const item = table.read(place)?.i;
    const expiry = item && table.expiryOf(item);
    if (!item || expiry === undefined || expiry > now) continue;
    table.write(place, item, undefined, 0, "ttl");
    deleted += 1;
  }
  return deleted;
}

/** Drops stream records older than 24 hours, a bounded number per write. */
export async function trimStreams(kernel: Kernel, tables: Tables): Promise<void> {
  const horizon = kernel.now() - streamMs;
  for (const { stream } of tables.list()) {
    if (!stream) continue;
    for (let shard = 0; shard < stream.shards().length; shard += 1) {
      const oldest = stream.log.oldest(shard);
      if (oldest === undefined || oldest >= horizon) continue;
      let removed = 0;
      do removed = await kernel.store.write(() => stream.log.trim(shard, horizon, chunk));
      while (removed === chunk);
    }
  }
}
