"""Spark's answers for the tests: one session; a line of JSON in, a line of JSON out.

Arguments: the driver's path, a folder for Spark's own files. Requests:
  {"op": "expressions", "inputs": parquet, "groupBy": column?, "expressions": {name: sql}, "into": folder}
      → {"failed": {name: message}}; the rows that did not fail are in `into`, a column for each expression
  {"op": "driver", "tables": [DDL], "manifest": path, "arguments": [text]?} → {"error": message | null}
"""

import contextlib
import importlib.util
import json
import os
import sys
import time

os.environ["TZ"] = "UTC"
sys.dont_write_bytecode = True

from pyspark.sql import SparkSession  # noqa: E402


def open_session(driver, folder):
    spark = (
        driver.configured(SparkSession.builder.master("local[2]"))
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.sql.adaptive.enabled", "false")
        .config("spark.sql.warehouse.dir", f"{folder}/warehouse")
        .config("spark.local.dir", f"{folder}/scratch")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("OFF")
    return spark


def message(error):
    return str(error).strip().split("\n")[0][:300]


def expressions(spark, request):
    spark.read.parquet(request["inputs"]).createOrReplaceTempView("inputs")
    group = request.get("groupBy")
    asked = request["expressions"]

    def frame(names):
        columns = "".join(f", {asked[name]} AS {name}" for name in names)
        tail = f" GROUP BY {group}" if group else ""
        return spark.sql(f"SELECT {group or 'id'} AS id{columns} FROM inputs{tail}")

    def write(names):
        frame(names).coalesce(1).write.mode("overwrite").parquet(request["into"])

    failed = {}
    try:
        write(asked)
    except Exception:
        for name in asked:
            try:
                frame([name]).write.format("noop").mode("overwrite").save()
            except Exception as error:
                failed[name] = message(error)
        write([name for name in asked if name not in failed])
    return {"failed": failed}


def drive(spark, driver, request):
    try:
        for statement in request["tables"]:
            spark.sql(statement)
        driver.main(["driver", "--manifest", request["manifest"], *request.get("arguments", [])])
    except Exception as error:
        return {"error": str(error)[:2000]}
    return {"error": None}


def main(driver_path, folder):
    out = sys.stdout
    # As Glue has it: the driver's parts lie beside it.
    sys.path.insert(0, os.path.dirname(driver_path))
    spec = importlib.util.spec_from_file_location("driver", driver_path)
    driver = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(driver)
    # Whatever else prints, prints elsewhere: standard output is the answers'.
    with contextlib.redirect_stdout(sys.stderr):
        spark = open_session(driver, folder)
        for line in sys.stdin:
            request, begun = json.loads(line), time.monotonic()
            if request["op"] == "expressions":
                answer = expressions(spark, request)
            else:
                answer = drive(spark, driver, request)
            out.write(json.dumps({**answer, "seconds": round(time.monotonic() - begun, 2)}) + "\n")
            out.flush()
        spark.stop()


main(sys.argv[1], sys.argv[2])
