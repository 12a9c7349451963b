"""Runs Splink on one data set with its authors' own settings (their demos of febrl3, fake_1000 and historical_50k; MIT),
or, on the synthetic households, with the comparisons that Tributary makes. Prints one line of JSON.

Arguments: the set, its file, and optionally a Parquet file to write and "timed" to leave scoring out.

Time runs from the first statement to the clusters at the fixed threshold of .95: load, training, prediction, clustering; and,
where a file is to be written, to that file: the input's columns with each record's cluster, compressed as Tributary does.
Python's start and imports do not count. The truth is used for scoring only.
"""

import json
import logging
import resource
import sys
import time

logging.disable(logging.WARNING)
import duckdb  # noqa: E402
import splink.comparison_library as cl  # noqa: E402
from splink import DuckDBAPI, Linker, SettingsCreator, block_on  # noqa: E402

name, path = sys.argv[1], sys.argv[2]
out = sys.argv[3] if len(sys.argv) > 3 else None
timed = sys.argv[4:] == ["timed"]
thresholds = [0.2, 0.3, 0.4, 0.5, 0.8, 0.9, 0.95, 0.99, 0.999, 0.9999, 0.99999, 0.999999]
em_pairs = 1e6


def febrl3(con, without=()):
    con.execute(
        f"""create table t as select trim(rec_id) as rec_id, trim(given_name) as given_name, trim(surname) as surname,
        trim(street_number) as street_number, trim(postcode) as postcode, trim(date_of_birth) as date_of_birth,
        trim(soc_sec_id) as soc_sec_id, regexp_extract(rec_id, '^([^-]+-[^-]+)', 1) as truth
        from read_csv('{path}', all_varchar = true, header = false, skip = 1, names = ['rec_id', 'given_name', 'surname',
        'street_number', 'address_1', 'address_2', 'suburb', 'postcode', 'state', 'date_of_birth', 'soc_sec_id'])"""
    )
    columns = ["given_name", "surname", "street_number", "postcode", "date_of_birth", "soc_sec_id"]
    con.execute("create table s as select rec_id, truth, " + ", ".join(f"nullif({c}, '') as {c}" for c in columns) + " from t")
    ssn = "soc_sec_id" not in without
    rules = [block_on(c) for c in (["soc_sec_id"] if ssn else []) + ["given_name", "surname", "date_of_birth", "postcode"]]
    comparisons = [
        cl.NameComparison("given_name"),
        cl.NameComparison("surname"),
        cl.DateOfBirthComparison("date_of_birth", input_is_string=True, datetime_format="%Y%m%d"),
        *([cl.DamerauLevenshteinAtThresholds("soc_sec_id", [2])] if ssn else []),
        cl.ExactMatch("street_number").configure(term_frequency_adjustments=True),
        cl.ExactMatch("postcode").configure(term_frequency_adjustments=True),
    ]
    prior = [
        *([block_on("soc_sec_id")] if ssn else []),
        block_on("given_name", "surname", "date_of_birth"),
        "l.given_name = r.surname and l.surname = r.given_name and l.date_of_birth = r.date_of_birth",
    ]
    return dict(id="rec_id", rules=rules, comparisons=comparisons, prior=prior, recall=0.9, u=1e6, seed=2,
                em=[block_on("date_of_birth"), block_on("postcode")], tf=False)


def fake_1000(con):
    con.execute(f"create table s as select *, cluster as truth from read_csv('{path}')")
    return dict(
        id="unique_id",
        rules=[block_on("first_name"), block_on("surname"), block_on("dob"), block_on("email")],
        comparisons=[
            cl.ForenameSurnameComparison("first_name", "surname"),
            cl.DateOfBirthComparison("dob", input_is_string=False),
            cl.ExactMatch("city").configure(term_frequency_adjustments=True),
            cl.EmailComparison("email"),
        ],
        prior=[
            "l.first_name = r.first_name and levenshtein(r.dob::VARCHAR, l.dob::VARCHAR) <= 1",
            "l.surname = r.surname and levenshtein(r.dob::VARCHAR, l.dob::VARCHAR) <= 1",
            "l.first_name = r.first_name and levenshtein(r.surname, l.surname) <= 2",
            "l.email = r.email",
        ],
        recall=0.7, u=1e6, seed=5, em=[block_on("dob"), block_on("email"), block_on("first_name", "surname")], tf=True,
    )


def historical(con):
    con.execute(
        f"create table s as select *, first_name || ' ' || surname as first_name_surname_concat, cluster as truth from '{path}'"
    )
    return dict(
        id="unique_id",
        rules=[
            block_on("substr(first_name,1,3)", "substr(surname,1,4)"),
            block_on("surname", "dob"),
            block_on("first_name", "dob"),
            block_on("postcode_fake", "first_name"),
            block_on("postcode_fake", "surname"),
            block_on("dob", "birth_place"),
            block_on("substr(postcode_fake,1,3)", "dob"),
            block_on("substr(postcode_fake,1,3)", "first_name"),
            block_on("substr(postcode_fake,1,3)", "surname"),
            block_on("substr(first_name,1,2)", "substr(surname,1,2)", "substr(dob,1,4)"),
        ],
        comparisons=[
            cl.ForenameSurnameComparison(
                "first_name", "surname", forename_surname_concat_col_name="first_name_surname_concat"
            ),
            cl.DateOfBirthComparison("dob", input_is_string=True),
            cl.PostcodeComparison("postcode_fake"),
            cl.ExactMatch("birth_place").configure(term_frequency_adjustments=True),
            cl.ExactMatch("occupation").configure(term_frequency_adjustments=True),
        ],
        prior=[
            block_on("first_name", "surname", "dob"),
            block_on("substr(first_name,1,2)", "surname", "substr(postcode_fake,1,2)"),
            block_on("dob", "postcode_fake"),
        ],
        recall=0.6, u=1e7, seed=1, em=[block_on("first_name", "surname"), block_on("dob")], tf=True,
    )


def households(con):
    # Values are brought to one form first, as Tributary does; the time counts.
    con.execute(
        f"""create table s as select record_id, person as truth,
        lower(strip_accents(first_name)) as first_name, lower(strip_accents(last_name)) as last_name, nullif(dob, '') as dob,
        nullif(regexp_replace(lower(email), '\\+[^@]*@', '@'), '') as email,
        nullif(right(regexp_replace(phone, '[^0-9]', '', 'g'), 9), '') as phone,
        nullif(lower(street), '') as street, nullif(lower(postcode), '') as postcode, nullif(device_id, '') as device_id
        from read_parquet('{path}')"""
    )
    return dict(
        id="record_id",
        rules=[
            block_on("email"), block_on("phone"), block_on("device_id"), block_on("first_name", "last_name", "postcode"),
            block_on("first_name", "dob"), block_on("last_name", "dob"), block_on("first_name", "street"),
        ],
        comparisons=[
            cl.NameComparison("first_name"),
            cl.NameComparison("last_name"),
            cl.DateOfBirthComparison("dob", input_is_string=True),
            cl.EmailComparison("email"),
            cl.ExactMatch("phone"),
            cl.LevenshteinAtThresholds("street", [2]),
            cl.ExactMatch("postcode"),
            cl.ExactMatch("device_id"),
        ],
        prior=[block_on("email", "first_name"), block_on("phone", "first_name"), block_on("first_name", "last_name", "dob")],
        recall=0.7, u=1e6, seed=1, em=[block_on("first_name", "last_name"), block_on("dob")], tf=False,
    )


def scores(con, clusters, truth_id):
    counted = lambda by: f"(select coalesce(sum(n * (n - 1) / 2), 0) from (select count(*) n from j group by {by}))"
    con.execute(f"create or replace temp table j as select s.truth, c.cluster_id from {clusters} c join s using ({truth_id})")
    t, f, c = con.execute(f"select {counted('truth')}, {counted('cluster_id')}, {counted('truth, cluster_id')}").fetchall()[0]
    precision, recall = (c / f if f else 1), (c / t if t else 1)
    return dict(precision=precision, recall=recall, f1=2 * precision * recall / (precision + recall) if c else 0)


sets = {
    "febrl": febrl3,
    "febrl without soc_sec_id": lambda con: febrl3(con, without=("soc_sec_id",)),
    "fake_1000": fake_1000,
    "historical_50k": historical,
    "households": households,
}

def processor():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


began = time.perf_counter()
used = processor()
con = duckdb.connect(config={"threads": 2})
given = sets[name](con)
api = DuckDBAPI(connection=con)
source = api.register(con.table("s"))
settings = SettingsCreator(
    unique_id_column_name=given["id"],
    link_type="dedupe_only",
    blocking_rules_to_generate_predictions=given["rules"],
    comparisons=given["comparisons"],
    additional_columns_to_retain=["truth"],
)
linker = Linker(source, settings, log_level=40)
linker.training.estimate_probability_two_random_records_match(given["prior"], recall=given["recall"])
linker.training.estimate_u_using_random_sampling(max_pairs=given["u"], seed=given["seed"])
for rule in given["em"]:
    linker.training.estimate_parameters_using_expectation_maximisation(
        rule, estimate_without_term_frequencies=given["tf"], max_pairs=em_pairs
    )
predictions = linker.inference.predict(threshold_match_probability=0.2)
fixed = linker.clustering.cluster_pairwise_predictions_at_threshold(predictions, threshold_match_probability=0.95)
seconds = time.perf_counter() - began
written = None
if out:
    id = given["id"]
    con.execute(
        f"copy (select c.cluster_id, i.* from read_parquet('{path}') i join {fixed.physical_name} c on c.{id} = i.{id}) "
        f"to '{out}' (format parquet, compression zstd, compression_level 1, dictionary_size_limit 5000)"
    )
    written = time.perf_counter() - began
figures = dict(
    seconds=seconds,
    written=written,
    processor=processor() - used,
    megabytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
)
if timed:
    print(json.dumps(figures))
    sys.exit()
by_threshold = {0.95: scores(con, fixed.physical_name, given["id"])}
for threshold in thresholds:
    if threshold in by_threshold:
        continue
    found = linker.clustering.cluster_pairwise_predictions_at_threshold(predictions, threshold_match_probability=threshold)
    by_threshold[threshold] = scores(con, found.physical_name, given["id"])
best = max(by_threshold, key=lambda threshold: by_threshold[threshold]["f1"])
print(json.dumps(dict(**figures, fixed=by_threshold[0.95], best=by_threshold[best], threshold=best)))
