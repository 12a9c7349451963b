"""Runs the lake's jobs on Spark in local mode, two cores. Takes one JSON argument; prints one line of JSON."""

import contextlib
import importlib.util
import json
import os
import sys
import time

os.environ["TZ"] = "UTC"
sys.dont_write_bytecode = True

from pyspark.sql import SparkSession  # noqa: E402


def load(path):
    # As Glue has it: the driver's parts lie beside it.
    sys.path.insert(0, os.path.dirname(path))
    spec = importlib.util.spec_from_file_location("driver", path)
    driver = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(driver)
    return driver


def peak_megabytes(spark):
    pid = spark._jvm.java.lang.ProcessHandle.current().pid()
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))


def processor_seconds(spark):
    pid = spark._jvm.java.lang.ProcessHandle.current().pid()
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main(request):
    driver = load(request["driver"])
    folder = request["folder"]
    spark = (
        driver.configured(SparkSession.builder.master("local[2]"))
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.shuffle.partitions", "16")
        .config("spark.sql.warehouse.dir", f"{folder}/warehouse")
        .config("spark.local.dir", f"{folder}/scratch")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    for statement in request["declare"]:
        spark.sql(statement)
    for table in request["recover"]:
        spark.sql(f"MSCK REPAIR TABLE {table}")
    begun, used, jobs = time.monotonic(), processor_seconds(spark), []
    for manifest in request["manifests"]:
        at = time.monotonic()
        driver.main(["driver", "--manifest", manifest, "--as_of", request["asOf"], "--TempDir", f"{folder}/staging"])
        jobs.append(time.monotonic() - at)
        print(f"spark: {manifest.split('/')[-2]} took {jobs[-1]:.1f} s", file=sys.stderr, flush=True)
    return {
        "seconds": time.monotonic() - begun,
        "processor": processor_seconds(spark) - used,
        "megabytes": peak_megabytes(spark),
        "jobs": jobs,
    }


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):
        told = main(json.loads(sys.argv[1]))
    print(json.dumps(told))
