"""Iceberg tables of the lake: read as of one snapshot, replaced by one commit. The names are those of the manifest."""

import re

import files


def declared(manifest, name):
    """What the manifest says of an Iceberg table, with the name that Spark knows it by; None of other tables."""
    told = manifest.get("iceberg", {})
    table = told.get("tables", {}).get(name)
    return None if table is None else {**table, "path": f"{told['catalog']}.{name}"}


def in_catalog(sql, manifest):
    """SQL with Iceberg tables called by their catalog. What is in quotes or in a comment is matched first, and stays."""
    pattern = r"'(?:[^']|'')*'|--[^\n]*|(?<![\w.])(\w+\.\w+)\b"

    def named(match):
        table = declared(manifest, match.group(1).lower()) if match.group(1) else None
        return match.group(0) if table is None else table["path"]

    return re.sub(pattern, named, sql)


def plain_type(name):
    """Glue makes `timestamp` one without a zone, which Spark tells from its own. All of the lake's are UTC."""
    return name.lower().replace("timestamp_ntz", "timestamp")


def evolution(path, table, columns, keys):
    """The statements that give a table the declared columns and partitions. `columns`: pairs of name and type; `keys`: as it is."""
    there = {name.lower(): plain_type(kind) for name, kind in columns}
    wanted = {name.lower(): kind.lower() for name, kind in table["columns"]}
    added = [f"ALTER TABLE {path} ADD COLUMN {name} {sql_type(kind)}" for name, kind in wanted.items() if name not in there]
    typed = [
        f"ALTER TABLE {path} ALTER COLUMN {name} TYPE {kind}"
        for name, kind in wanted.items()
        if name in there and there[name] != kind
    ]
    gone = [f"ALTER TABLE {path} DROP COLUMN {name}" for name in there if name not in wanted]
    parted = [f"ALTER TABLE {path} ADD PARTITION FIELD {key}" for key in table["partitionBy"] if key not in keys]
    return [*added, *typed, *gone, *parted]


def sql_type(kind):
    return "timestamp_ntz" if kind == "timestamp" else kind


def partition_name(keys, values):
    return "/".join(f"{key}={value}" for key, value in zip(keys, values))


def replaced_filter(keys, partitions):
    """
    What a commit replaces, as SQL: all rows where `partitions` is None. Partitions that no new row is of are named too, so
    that they end with the same commit.
    """
    if partitions is None or not keys:
        return "true"
    if not partitions:
        return None

    def one(partition):
        values = [folder.split("=", 1)[1].replace("'", "''") for folder in partition.split("/")]
        return " AND ".join(f"{key} = '{value}'" for key, value in zip(keys, values))

    return " OR ".join(f"({one(partition)})" for partition in sorted(partitions))


class IcebergTable:
    """A table with its snapshot and its files as they were when it was looked at; used as `lake.Table` is."""

    def __init__(self, spark, database, table, told):
        self.spark, self.database, self.table, self.form = spark, database, table, "iceberg"
        self.name, self.path, self.keys = f"{database}.{table}", told["path"], told["partitionBy"]
        fields = [(field.name, field.dataType.simpleString()) for field in spark.table(self.path).schema.fields]
        for statement in evolution(self.path, told, fields, self.parted()):
            spark.sql(statement)
        from pyspark.sql.types import StructType

        self.schema = StructType.fromDDL(", ".join(f"{name} {kind}" for name, kind in told["columns"]))
        self.look()

    def parted(self):
        """The columns that it has partitions of. A table without has no such column in its list of files."""
        fields = {field.name: field.dataType for field in self.spark.table(f"{self.path}.files").schema.fields}
        return [field.name for field in fields["partition"].fields] if "partition" in fields else []

    def look(self):
        self.spark.catalog.refreshTable(self.path)
        newest = self.spark.sql(f"SELECT snapshot_id FROM {self.path}.refs WHERE name = 'main'").collect()
        self.snapshot = newest[0]["snapshot_id"] if newest else None
        self.partitions = {}
        if self.snapshot is not None:
            for row in self.at_snapshot(f"{self.path}.files").collect():
                name = partition_name(self.keys, [row["partition"][key] for key in self.keys])
                file = {"name": row["file_path"], "uri": row["file_path"], "size": row["file_size_in_bytes"], "etag": ""}
                self.partitions.setdefault(name, []).append({**file, "partition": name})
        self.partitions = dict(sorted(self.partitions.items()))
        self.fingerprints = files.fingerprints(self.partitions)

    def at_snapshot(self, path):
        return self.spark.read.option("snapshot-id", str(self.snapshot)).table(path)

    def files_in(self, partitions):
        return [file for name in partitions for file in self.partitions.get(name, [])]

    def read(self, some):
        """The rows of the partitions that some files are of."""
        if not some or self.snapshot is None:
            return self.spark.createDataFrame([], self.schema)
        from pyspark.sql.functions import col

        names = {file["partition"] for file in some}
        rows = self.at_snapshot(self.path)
        if names != {*self.partitions}:
            rows = rows.where(replaced_filter(self.keys, names))
        return rows.select([col(field.name).cast(field.dataType).alias(field.name) for field in self.schema.fields])

    def publish(self, rows, partitions):
        """Puts rows in the place of the partitions, or of all where that is None, by one commit. Fails where another came between."""
        condition = replaced_filter(self.keys, partitions)
        if condition is None:
            return
        from pyspark.sql.functions import col, expr

        stored = self.spark.table(self.path).schema
        writer = rows.select([col(field.name).cast(field.dataType).alias(field.name) for field in stored.fields]).writeTo(self.path)
        if self.snapshot is not None:
            writer = writer.option("isolation-level", "serializable").option("validate-from-snapshot-id", str(self.snapshot))
        writer.overwrite(expr(condition))
        self.look()
