"""Tables of the lake as Spark reads and replaces them: by their files, so that a run is held to what it saw."""

import re
from urllib.parse import unquote

from pyspark.sql.functions import col, lit, pmod, xxhash64
from pyspark.sql.types import StringType

import files

# A file of the lake is at most about twice this, so that any engine can read a table in parallel.
FILE_BYTES = 256 * 2**20
# And no more rows than this, whatever they take.
FILE_ROWS = 4_000_000


class Table:
    """A table of the catalog, with its files as they were when it was looked at."""

    def __init__(self, spark, database, table, form="parquet"):
        self.spark, self.database, self.table, self.form = spark, database, table, form
        self.name = f"{database}.{table}"
        self.schema = spark.table(self.name).schema
        self.keys = [column.name for column in spark.catalog.listColumns(self.name) if column.isPartition]
        self.place = self.location()
        self.look()

    def location(self):
        rows = self.spark.sql(f"DESCRIBE TABLE EXTENDED {self.name}").collect()
        place = next(row["data_type"] for row in rows if row["col_name"] == "Location")
        # Spark writes a path as file:/a/b.
        return unquote(place[len("file:") :]) if place.startswith("file:") else place

    def look(self):
        found = files.list_files(self.place)
        self.partitions = files.by_partition(found, self.keys) if self.keys else ({"": found} if found else {})
        self.fingerprints = files.fingerprints(self.partitions)

    def files_in(self, partitions):
        return [file for name in partitions for file in self.partitions.get(name, [])]

    def read(self, some):
        """The rows of some of the table's files. Columns that files lack are null, those that the catalog lacks are not seen."""
        if not some:
            return self.spark.createDataFrame([], self.schema)
        reader = self.spark.read.schema(self.schema).option("basePath", self.place)
        if self.form == "json":
            # A line that is no JSON is an error, not a row of nulls.
            reader = reader.option("mode", "FAILFAST")
        return reader.format(self.form).load([file["uri"] for file in some])

    def values(self, partition):
        return [unquote(folder.split("=", 1)[1]) for folder in partition.split("/")]


def bare_name(table):
    return f"{table.database}__{table.table}"


def with_views(sql, tables):
    """The SELECT with the names of views instead of tables. What is in quotes or in a comment is matched first, and stays."""
    views = {table.name.lower(): bare_name(table) for table in tables}
    pattern = r"'(?:[^']|'')*'|--[^\n]*|(?<![\w.])(\w+)\.(\w+)\b"

    def named(match):
        return views.get(match.group(0).lower(), match.group(0)) if match.group(1) else match.group(0)

    return re.sub(pattern, named, sql)


def stage(frame, target, order, size, place):
    """
    Writes rows as a table's files into a place of their own: the same rows lie in the same order in the same files. `size`
    is how many bytes the largest partition is made from.
    """
    columns = [name for name in frame.columns if name not in target.keys]
    # Partitions as Spark's writer wants them: by another order it would sort again, and lose that of the rows.
    by = [*[col(name).asc() for name in target.keys], *[col(name).asc_nulls_last() for name in order or columns]]
    pieces = max(1, -(-size // FILE_BYTES))
    salt = [pmod(xxhash64(*[col(name).cast(StringType()) for name in order or columns]), lit(pieces))] if pieces > 1 else []
    dealt = [*[col(name) for name in target.keys], *salt]
    if not dealt:
        spread = frame.repartition(1)
    elif target.keys:
        spread = frame.repartition(int(frame.sparkSession.conf.get("spark.sql.shuffle.partitions")), *dealt)
    else:
        spread = frame.repartition(pieces, *dealt)
    writer = spread.sortWithinPartitions(*by).write.mode("overwrite").option("maxRecordsPerFile", FILE_ROWS)
    if target.keys:
        writer = writer.partitionBy(*target.keys)
    writer.parquet(place)
    found = files.list_files(place)
    return files.by_partition(found, target.keys) if target.keys else {"": found}


def staged_rows(target, staged, place):
    some = [file["uri"] for found in staged.values() for file in found]
    if not some:
        return target.spark.createDataFrame([], target.schema)
    return target.spark.read.schema(target.schema).option("basePath", place).parquet(*some)


def publish(target, staged, replaced):
    """
    Puts staged files in the place of the partitions that are replaced. A partition's first file is always called the
    same, so a reader finds its old or its new content; further files come before old ones go. Returns how many partitions
    changed.
    """
    before = target.fingerprints
    old = {name: found for name, found in target.partitions.items() if replaced(name)}
    target.look()
    if target.fingerprints != before:
        raise RuntimeError(
            f"the files of {target.name} changed while they were made again: another run replaced them, and they stay as "
            "it left them. Start this one again."
        )
    for partition, found in staged.items():
        for index, file in enumerate(found):
            files.replace(file["uri"], files.join(target.place, f"{partition}/part-{index:05}.zstd.parquet".lstrip("/")))
    kept = {
        f"{partition}/part-{index:05}.zstd.parquet".lstrip("/") for partition, found in staged.items() for index in range(len(found))
    }
    for found in old.values():
        for file in found:
            if file["name"] not in kept:
                files.remove(file["uri"])
    catalogue(target, [name for name in staged if staged[name]], [name for name in old if not staged.get(name)])
    target.look()
    return len({*old, *(name for name in staged if staged[name])})


def catalogue(target, made, gone):
    """Tells the catalog of partitions: Athena works them out, Spark and others look them up."""
    if target.keys:

        def spec(partition):
            values = zip(target.keys, target.values(partition))
            return "(" + ", ".join(f"{key} = '{value}'" for key, value in values) + ")"

        for partition in made:
            target.spark.sql(f"ALTER TABLE {target.name} ADD IF NOT EXISTS PARTITION {spec(partition)}")
        for partition in gone:
            target.spark.sql(f"ALTER TABLE {target.name} DROP IF EXISTS PARTITION {spec(partition)}")
    target.spark.catalog.refreshTable(target.name)
