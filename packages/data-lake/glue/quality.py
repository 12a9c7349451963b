"""Holds the rows that are to become a table's to its quality rules, as Tributary's local runtime does on DuckDB.

The rules are SQL over the views `candidate`, `kept` and `outcome`, compiled from the table's declaration; this file only
carries them out. Rows that break a rule go to the table of rejected rows. Where more do than may, QualityFailed stops the
job before the table is touched. The report of a run is JSON, whether or not it was stopped.
"""

import json
from datetime import datetime, timezone

from pyspark.sql.functions import col, lit, struct, to_json

import files

# Rows that are kept where the job stops: the table can be made again, so these are to look at.
SAMPLE_ROWS = 10_000


class QualityFailed(Exception):
    """More rows of a table break a rule than may."""


def hold_to_rules(spark, frame, kept, step, run, results):
    """
    The rows of the frame that break no rule: the frame itself where all are. `kept` are the rows that stay beside them.
    Appends what became of each rule to the results.
    """
    frame.createOrReplaceTempView("candidate")
    kept.createOrReplaceTempView("kept")
    frame.unionByName(kept).createOrReplaceTempView("outcome")
    return judged(spark, frame, step["name"], step["quality"], run, results)


def judged(spark, frame, name, quality, run, results):
    total, *failing = [int(value or 0) for value in spark.sql(quality["measure"]).first()]
    rules = [
        {"rule": rule["name"], "failing": broken, "threshold": rule["threshold"], "passed": broken <= rule["threshold"] * total}
        for rule, broken in zip(quality["rules"], failing)
    ]
    stopped = [rule for rule in rules if not rule["passed"]]
    some = any(rule["rows"] and broken > 0 for rule, broken in zip(quality["rules"], failing))
    rejected = reject(spark, quality, name, run, frame.columns, bool(stopped)) if some else 0
    results.append({"table": name, "total": total, "rejected": rejected, "rules": rules})
    if stopped:
        told = "; ".join(f"{rule['rule']}: {rule['failing']} of {total}, at most {rule['threshold']:.0%} of rows may" for rule in stopped)
        place = f"{quality['rejected']['database']}.{quality['rejected']['table']}"
        raise QualityFailed(f"QualityFailed: {name}: {told}; see {place} where run = '{run}'")
    return spark.sql(quality["passing"]) if some else frame


def reject(spark, quality, name, run, columns, stopped):
    """Puts the rows that break a rule beside those that are there. Returns how many."""
    now = datetime.now(timezone.utc)
    rows = spark.sql(quality["rejects"])
    if stopped:
        rows = rows.limit(SAMPLE_ROWS)
    kept = rows.select(
        lit(run).alias("run"),
        lit(name).alias("table_name"),
        col("quality_rule").alias("rule"),
        lit(now.strftime("%Y-%m-%d %H:%M:%S.%f")).cast("timestamp").alias("rejected_at"),
        to_json(struct(*[col(column) for column in columns]), {"ignoreNullFields": "false"}).alias("row_json"),
        lit(now.strftime("%Y-%m-%d")).alias("dt"),
    ).persist()
    count = kept.count()
    kept.write.mode("append").insertInto(f"{quality['rejected']['database']}.{quality['rejected']['table']}")
    kept.unpersist()
    return count


def tell(quality, job, context):
    """Writes the report of a run, and counts what was rejected or set aside."""
    now, run, tables = datetime.now(timezone.utc), context["run"], context["tables"]
    passed = all(rule["passed"] for table in tables for rule in table["rules"])
    report = {"version": 1, "run": run, "job": job, "at": now.isoformat(), "passed": passed, "tables": tables}
    report = {**report, "steps": context["steps"], "unreadable": context["unreadable"]}
    place = f"{quality['report']}dt={now:%Y-%m-%d}/{run}.json"
    files.write_text(place, json.dumps(report, indent=2) + "\n")
    if files.split(place)[0] is None:
        return
    import boto3

    metrics = quality["metrics"]
    dimensions = [{"Name": name, "Value": value} for name, value in metrics["dimensions"].items()]
    counts = {
        "RowsRejected": sum(table["rejected"] for table in tables),
        "RulesFailed": sum(not rule["passed"] for table in tables for rule in table["rules"]),
        "FilesSetAside": len(context["unreadable"]),
    }
    boto3.client("cloudwatch").put_metric_data(
        Namespace=metrics["namespace"],
        MetricData=[
            {"MetricName": name, "Dimensions": dimensions, "Value": value, "Unit": "Count"} for name, value in counts.items()
        ],
    )
