import { AwsError } from "../../kernel";
import { type LakeFile, type LakeRelation, quoteName, type Session, scanFiles } from "../duckdb";
import type { BoundTable } from "./bind-tables";
import { type CatalogTable, relationOf } from "./catalog";
import { byPartition, type Fingerprints, fingerprints, type PartitionName } from "./fingerprints";
import type { Follow } from "./manifest";

/** A table that a step's SELECT reads, as its files were when the step began. */
export interface Source {
  /** `database.table` */
  readonly name: string;
  readonly table: CatalogTable;
  readonly relation: LakeRelation;
  readonly partitions: ReadonlyMap<PartitionName, readonly LakeFile[]>;
  readonly fingerprints: Fingerprints;
  /** Whether its partitions are the target's, or, of a fold and by key, are what is new. */
  readonly followed: boolean;
}

/** The sources of a step. Throws where it cannot follow them as it says that it does. */
export function sourcesOf(bound: readonly BoundTable[], target: CatalogTable, follow: Follow): Source[] {
  const keys = target.partitionKeys.map(({ name }) => name).join();
  const others = bound.filter(({ table }) => nameOf(table) !== nameOf(target));
  const sources = others.map(({ table, scan }): Source => {
    const own = table.partitionKeys.map(({ name }) => name);
    const partitions = byPartition(scan.files, own);
    const days = own.length > 0 && (follow === "key" || own.join() === keys);
    const followed = follow === "fold" || (follow !== "whole" && days);
    const name = nameOf(table);
    return { name, table, relation: relationOf(table), partitions, fingerprints: fingerprints(partitions), followed };
  });
  const followed = sources.filter((source) => source.followed).length;
  const fits = follow === "whole" || (follow === "partition" ? followed > 0 : followed === 1);
  if (fits) return sources;
  const wanted = follow === "partition" ? "a table" : "exactly one table";
  const by = follow === "key" ? "" : ` by ${keys || "the same keys"}`;
  const like = follow === "fold" ? "" : ` that is partitioned${by}`;
  throw new AwsError(
    "InvalidInputException",
    `${nameOf(target)} is made incrementally (${follow}), so its SELECT must read ${wanted}${like}; it reads ${sources.map(({ name }) => name).join(", ") || "none"}`,
  );
}

const nameOf = ({ database, name }: CatalogTable): string => `${database}.${name}`;

export const tableIn = (session: Session, { database, name }: CatalogTable): string =>
  `${session.database}.${quoteName(database)}.${quoteName(name)}`;

/** Lets a source's name mean some of its partitions in a session, or what a SELECT makes of them. */
export async function show(
  session: Session,
  source: Source,
  partitions: Iterable<PartitionName>,
  as: (rows: string) => string = (rows) => rows,
): Promise<void> {
  const select = as(selectOf(source, partitions));
  await session.run(`CREATE OR REPLACE VIEW ${tableIn(session, source.table)} AS ${select}`);
}

/** A SELECT of a source's rows in some of its partitions. */
export const selectOf = (source: Source, partitions: Iterable<PartitionName>): string =>
  scanFiles(source.relation, filesIn(source, partitions)).sql;

export const filesIn = (source: Source, partitions: Iterable<PartitionName>): LakeFile[] =>
  [...partitions].flatMap((partition) => source.partitions.get(partition) ?? []);
