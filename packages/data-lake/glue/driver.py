"""Runs the SQL steps of a manifest on Glue 5 (Spark 3.5), each as far as its sources have changed since the last run.

A step is one SELECT whose rows become the target table's data. Where the data lies, its columns, their types and the
partition keys are the catalog's: this file only carries them out. The same manifest and the same SQL run on DuckDB in
Tributary's local runtime, so keep logic in the SQL.

Job arguments:
  --manifest     s3://bucket/key of {"version": 1, "bookmark"?, "unreadable"?, "quality"?, "iceberg"?, "steps": [{"name",
                 "sql": "s3://bucket/key", "target": {"database", "table"}, "mode": "overwrite" | "overwrite-partitions",
                 "follow": "whole" | "partition" | "first" | "fold" | "key", "key", "order",
                 "sources": [{"database", "table", "format"}], "quality"?}]}
  --full true    makes everything again
  --from, --to   days that are made again, whether or not they changed
  --as_of        instant that SELECTs read as `run.as_of`; by default now
  --unreadable   stop or set-aside, instead of the manifest's
  --TempDir      where rows are staged

Without Glue's libraries it is a plain PySpark program (file paths instead of s3:// URIs), which is how the tests compare
Spark with DuckDB.
"""

import argparse
import json
import re
import sys
import tempfile
from uuid import uuid4

from pyspark.sql import SparkSession
from pyspark.sql.functions import col

import files
import unreadable
from iceberg import IcebergTable, declared, in_catalog
from incremental import OPTIONS, Bookmark, grown, hash_of, plan_step, run_options
from lake import Table, bare_name, publish, stage, staged_rows, with_views
from quality import QualityFailed, hold_to_rules, tell

MODES = {"overwrite", "overwrite-partitions"}
FOLLOWS = {"whole", "partition", "first", "fold", "key"}

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
    # A file that cannot be read is told of, never passed over.
    "spark.sql.files.ignoreCorruptFiles": "false",
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
    # A marker that is no data, on a store that has no folders to mark.
    "mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
    # Rejected rows go to the day that they say.
    "hive.exec.dynamic.partition.mode": "nonstrict",
}


def configured(builder):
    for name, value in SETTINGS.items():
        builder = builder.config(name, value)
    return builder


def job_options(argv):
    """The job's arguments; Glue adds its own to them, which only its own parser knows."""
    optional = [*OPTIONS, "TempDir"]
    try:
        from awsglue.utils import getResolvedOptions
    except ImportError:
        parser = argparse.ArgumentParser()
        parser.add_argument("--manifest", required=True)
        for name in optional:
            parser.add_argument(f"--{name}")
        return vars(parser.parse_known_args(argv[1:])[0])
    given = [name for name in optional if any(each == f"--{name}" or each.startswith(f"--{name}=") for each in argv)]
    return getResolvedOptions(argv, ["manifest", *given])


def read_manifest(uri):
    text = files.read_text(uri)
    if text is None:
        raise ValueError(f"there is no manifest {uri}")
    manifest = json.loads(text)
    if manifest.get("version") != 1:
        raise ValueError(f"{uri} is a manifest of version {manifest.get('version')}; this driver runs version 1")
    for name, known in (("mode", MODES), ("follow", FOLLOWS)):
        unknown = sorted({step.get(name, "overwrite" if name == "mode" else "whole") for step in manifest["steps"]} - known)
        if unknown:
            raise ValueError(f"{uri} asks for the {name} {unknown}; known are {sorted(known)}")
    for step in manifest["steps"]:
        for name in ("measure", "rejects", "passing"):
            if name in step.get("quality", {}):
                step["quality"][name] = in_catalog(step["quality"][name], manifest)
    return manifest


def table_of(spark, manifest, database, table, form="parquet"):
    told = declared(manifest, f"{database}.{table}")
    return Table(spark, database, table, form) if told is None else IcebergTable(spark, database, table, told)


def conform(frame, target, name):
    """The frame with exactly the table's columns, by name, in its order and types."""
    given = {column.lower() for column in frame.columns}
    wanted = [field.name.lower() for field in target.schema.fields]
    missing, extra = sorted(set(wanted) - given), sorted(given - set(wanted))
    if missing or extra:
        raise ValueError(f"step {name}: the query lacks {missing} and has {extra} that the table has not")
    return frame.select([col(field.name).cast(field.dataType).alias(field.name) for field in target.schema.fields])


def follows(step, source, target):
    """Whether a source's partitions are the target's, or, of a fold, are what is new."""
    follow = step.get("follow", "whole")
    if source.name == target.name:
        return False
    return follow == "fold" or (follow != "whole" and bool(source.keys) and source.keys == target.keys)


def tell_instant(spark, as_of):
    spark.sql(f"SELECT TIMESTAMP '{as_of}' AS as_of").createOrReplaceTempView("run")


def asks_instant(sql):
    plain = re.sub(r"'(?:[^']|'')*'|--[^\n]*", "''", sql)
    return re.search(r"(?:\bfrom|\bjoin|,)\s*run\b(?!\s*[.(])", plain, re.IGNORECASE) is not None


def first_partitions(source, target, key, changed):
    """
    Of keys that belong to the first partition that has them: the partitions to make again (these, and later ones whose
    rows turn out to have come before), and the keys that other partitions have. (None, None) where keys have gone from the
    source, so that any later partition may have them now.
    """
    partitions = sorted(changed)
    now = source.read(source.files_in(partitions)).select(*key, *target.keys)
    there = target.files_in(partitions)
    if there and target.read(there).join(now, key, "left_anti").limit(1).count() > 0:
        return None, None
    while True:
        rest = target.read(target.files_in([name for name in target.partitions if name not in partitions]))
        now = source.read(source.files_in(partitions)).select(*key, *[col(name).alias(f"{name}_now") for name in target.keys])
        held = rest.select(*key, *target.keys).join(now, key)
        day = target.keys[0]
        later = held.where(col(f"{day}_now") < col(day)).select(*target.keys).distinct().collect()
        names = {"/".join(f"{name}={row[name]}" for name in target.keys) for row in later} - {*partitions}
        if not names:
            return partitions, held.select(*key).distinct()
        partitions = sorted({*partitions, *names})


def made_from(step, sources, target, plan, partitions):
    """Lets each source's view mean what the step is to read of it. Returns the partitions that are made; None for all."""
    held = None
    if step.get("follow") == "first" and plan == "partitions":
        source = next(source for source in sources if follows(step, source, target))
        partitions, held = first_partitions(source, target, step["key"], partitions)
    for source in sources:
        some = partitions if partitions is not None and follows(step, source, target) else source.partitions
        frame = source.read(source.files_in(some))
        if held is not None and follows(step, source, target):
            frame = frame.join(held, step["key"], "left_anti")
        if plan == "fold":
            frame = target.read(target.files_in(target.partitions)).unionByName(frame, allowMissingColumns=True)
        frame.createOrReplaceTempView(bare_name(source))
    return partitions if plan == "partitions" else None


def run_step(spark, step, memory, request, context):
    """Makes what is to be made of a step's table. Returns what became of it, and what to remember."""
    name, follow = step["name"], step.get("follow", "whole")
    sql = files.read_text(step["sql"])
    if sql is None:
        raise ValueError(f"step {name}: there is no file {step['sql']}")
    manifest = context["manifest"]
    target = table_of(spark, manifest, step["target"]["database"], step["target"]["table"])
    sources = [table_of(spark, manifest, each["database"], each["table"], each["format"]) for each in step.get("sources", [])]
    # A log goes on from its own rows, which are no reason to make it again.
    others = {source.name: source.fingerprints for source in sources if source.name != target.name}
    known = {"hash": hash_of(sql, step, target.schema.json()), "sources": others}
    if asks_instant(sql):
        known["asOf"] = request["as_of"]
    followed = [source for source in sources if follows(step, source, target)]
    state = {**known, "target": target.fingerprints, "followed": [each.name for each in followed], "grown": grown(memory, followed)}
    plan, what = plan_step(follow, state, memory, request)
    if plan == "skip":
        return {"rows": 0, "partitions": 0, "skipped": True}, {**known, "target": target.fingerprints}
    only = None if plan == "whole" else what
    staging = files.join(context["staging"], name)
    try:
        partitions = made_from(step, sources, target, plan, only)
        frame = conform(spark.sql(with_views(sql, sources)), target, name)
        sizes = [sum(file["size"] for file in found) for source in sources for found in source.partitions.values()]
        size = max(sizes, default=0) if target.keys else sum(sizes)
        order = [*step.get("order", []), *step.get("key", [])]
        staged = stage(frame, target, order, size, staging)
    except (QualityFailed, ValueError):
        raise
    except Exception as error:
        blame(error, sources, lambda source: only if only is not None and follows(step, source, target) else source.partitions)
        raise

    def replaced(partition):
        if partitions is not None:
            return partition in partitions
        return step.get("mode", "overwrite") == "overwrite" or not target.keys or partition in staged

    rows = staged_rows(target, staged, staging)
    if "quality" in step:
        kept = target.read(target.files_in([each for each in target.partitions if not replaced(each)]))
        passing = hold_to_rules(spark, rows, kept, step, context["run"], context["tables"])
        if passing is not rows:
            staging = f"{staging}-passing"
            staged = stage(passing, target, order, size, staging)
            rows = staged_rows(target, staged, staging)
    written = rows.count()
    if isinstance(target, IcebergTable):
        names = {*filter(replaced, target.partitions), *(name for name in staged if staged[name])}
        target.publish(rows, None if not target.keys or {*target.partitions} <= names else names)
        count = len(names)
    else:
        count = publish(target, staged, replaced)
    return {"rows": written, "partitions": count, "skipped": False}, {**known, "target": target.fingerprints}


class Blamed(Exception):
    """Files were found that cannot be read."""

    def __init__(self, found):
        super().__init__(str(found))
        self.found = found


def blame(error, sources, partitions_of):
    if "No space left" in str(error):
        raise RuntimeError(
            "DiskFull: the workers' disks have no room for the step. Nothing was replaced. Give the jobs more workers, "
            "then start the run again: it goes on with this step."
        ) from error
    found = unreadable.find(sources, partitions_of)
    if found:
        raise Blamed(found) from error


def run_until_readable(spark, step, memory, request, context):
    """Runs a step, without the files that may be set aside."""
    manifest = context["manifest"]
    for _ in range(10):
        try:
            return run_step(spark, step, memory, request, context)
        except Blamed as blamed:
            aside = manifest.get("unreadable")
            moved = unreadable.set_aside(aside, request["unreadable"], context["run"], blamed.found)
            if moved is None:
                mend = unreadable.remedy(aside, blamed.found)
                raise unreadable.UnreadableFiles(step["name"], blamed.found, mend) from blamed
            context["unreadable"].extend(moved)
    raise RuntimeError(f"step {step['name']}: files that cannot be read keep coming; start the run again")


def main(argv):
    options = job_options(argv)
    request = run_options(options)
    spark = configured(SparkSession.builder.enableHiveSupport()).getOrCreate()
    manifest = read_manifest(options["manifest"])
    bookmark = Bookmark(manifest.get("bookmark"))
    run = options.get("JOB_RUN_ID") or f"run-{uuid4().hex}"
    staging = files.join(options.get("TempDir") or tempfile.mkdtemp(prefix="tributary-"), run)
    context = {"manifest": manifest, "run": run, "staging": staging, "tables": [], "steps": [], "unreadable": []}
    tell_instant(spark, request["as_of"])
    told = "quality" in manifest
    try:
        for step in manifest["steps"]:
            outcome, memory = run_until_readable(spark, step, bookmark.of(step["name"]), request, context)
            # First what was done, then that it was: a run that ends in between does it again, to the same rows.
            bookmark.keep(step["name"], memory)
            context["steps"].append({"name": step["name"], **outcome})
            print(json.dumps(context["steps"][-1]))
    except Exception:
        # A run that was stopped has most to tell; what stopped it goes before a report that cannot be written.
        try:
            if told:
                tell(manifest["quality"], options.get("JOB_NAME", "job"), context)
        except Exception as fault:
            print(f"the report of {run} could not be written: {fault}")
        raise
    finally:
        files.clear(staging)
    if told:
        tell(manifest["quality"], options.get("JOB_NAME", "job"), context)


if __name__ == "__main__":
    main(sys.argv)
