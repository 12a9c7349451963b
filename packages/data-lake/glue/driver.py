"""Runs the SQL steps of a manifest on Glue 5 (Spark 3.5).

A step is one SELECT whose rows become the target table's data. Where the data lies, its columns, their types and the
partition keys are the catalog's: this file only carries them out. The same manifest and the same SQL run on DuckDB in
Tributary's local runtime, so keep logic in the SQL.

Job argument --manifest: s3://bucket/key of
  {"version": 1, "steps": [{"name", "sql": "s3://bucket/key", "target": {"database", "table"},
                            "mode": "overwrite" | "overwrite-partitions"}]}

Without Glue's libraries it is a plain PySpark program (file paths instead of s3:// URIs), which is how the tests compare
Spark with DuckDB.
"""

import argparse
import json
import sys
from pathlib import Path
from urllib.parse import urlparse
from uuid import uuid4

from pyspark.sql import SparkSession
from pyspark.sql.functions import col

from quality import hold_to_rules, tell

MODES = {"overwrite": "static", "overwrite-partitions": "dynamic"}

# What the SQL is to mean, whatever the account's defaults are.
SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "false",
    # Text that a pattern does not fit is NULL; by default it fails the job where Spark 2 had read it.
    "spark.sql.legacy.timeParserPolicy": "CORRECTED",
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    # One calendar for all days; by default a clock that says the year 1 fails the job.
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    "hive.exec.dynamic.partition.mode": "nonstrict",
}


def configured(builder):
    for name, value in SETTINGS.items():
        builder = builder.config(name, value)
    return builder


def job_options(argv):
    """The job's arguments; Glue adds its own to them, which only its own parser knows."""
    names = ["manifest", "source_database"]
    try:
        from awsglue.utils import getResolvedOptions
    except ImportError:
        parser = argparse.ArgumentParser()
        for name in names:
            parser.add_argument(f"--{name}", required=True)
        return vars(parser.parse_args(argv[1:]))
    return getResolvedOptions(argv, names)


def read_text(uri):
    place = urlparse(uri)
    if place.scheme == "":
        return Path(uri).read_text(encoding="utf-8")
    import boto3

    body = boto3.client("s3").get_object(Bucket=place.netloc, Key=place.path.lstrip("/"))["Body"]
    return body.read().decode("utf-8")


def read_manifest(uri):
    manifest = json.loads(read_text(uri))
    if manifest.get("version") != 1:
        raise ValueError(f"{uri} is a manifest of version {manifest.get('version')}; this driver runs version 1")
    unknown = sorted({step["mode"] for step in manifest["steps"]} - set(MODES))
    if unknown:
        raise ValueError(f"{uri} asks for the modes {unknown}; known are {sorted(MODES)}")
    return manifest


def conform(frame, target, name):
    """The frame with exactly the table's columns, by name, in its order and types."""
    given = {column.lower() for column in frame.columns}
    wanted = [field.name.lower() for field in target.fields]
    missing, extra = sorted(set(wanted) - given), sorted(given - set(wanted))
    if missing or extra:
        raise ValueError(f"step {name}: the query lacks {missing} and has {extra} that the table has not")
    return frame.select([col(field.name).cast(field.dataType).alias(field.name) for field in target.fields])


def run_step(spark, step, run, results):
    name, target = step["name"], f"{step['target']['database']}.{step['target']['table']}"
    spark.conf.set("spark.sql.sources.partitionOverwriteMode", MODES[step["mode"]])
    frame = conform(spark.sql(read_text(step["sql"])), spark.table(target).schema, name)
    if "quality" in step:
        frame = hold_to_rules(spark, frame, step, run, results)
    frame.write.mode("overwrite").insertInto(target)
    # What the rules kept in memory.
    spark.catalog.clearCache()
    spark.catalog.refreshTable(target)
    print(json.dumps({"step": name, "target": target, "rows": spark.table(target).count()}))


def discover_partitions(spark, database):
    """Files that Firehose delivered since the last run: Athena projects partitions, Spark needs them in the catalog."""
    for table in spark.catalog.listTables(database):
        if table.isTemporary:
            continue
        name = f"{database}.{table.name}"
        if any(column.isPartition for column in spark.catalog.listColumns(name)):
            spark.sql(f"MSCK REPAIR TABLE {name}")


def main(argv):
    options = job_options(argv)
    spark = configured(SparkSession.builder.enableHiveSupport()).getOrCreate()
    manifest = read_manifest(options["manifest"])
    discover_partitions(spark, options["source_database"])
    run, results = options.get("JOB_RUN_ID", f"run-{uuid4().hex}"), []
    try:
        for step in manifest["steps"]:
            run_step(spark, step, run, results)
    finally:
        # Of a run that a rule stopped most of all.
        if "quality" in manifest and results:
            tell(manifest["quality"], options.get("JOB_NAME", "job"), run, results)


if __name__ == "__main__":
    main(sys.argv)
