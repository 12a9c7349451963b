"""A lake's files on S3, or in folders where a place is a plain path: listed, read, written, replaced."""

import hashlib
import os
import shutil
from pathlib import Path
from urllib.parse import unquote, urlparse


def client():
    import boto3

    return boto3.client("s3")


def split(uri):
    """Bucket and key of an S3 URI; no bucket and a path of a plain path or file: URI."""
    place = urlparse(uri)
    if place.scheme in ("s3", "s3a", "s3n"):
        return place.netloc, place.path.lstrip("/")
    return None, unquote(place.path)


def join(place, name):
    return f"{place.rstrip('/')}/{name}"


def read_text(uri):
    """The text, or None where there is nothing. Lists first: who may list a prefix alone is told "no" of what is not there."""
    bucket, key = split(uri)
    if bucket is None:
        return Path(key).read_text(encoding="utf-8") if os.path.exists(key) else None
    listed = client().list_objects_v2(Bucket=bucket, Prefix=key).get("Contents", [])
    if not any(each["Key"] == key for each in listed):
        return None
    return client().get_object(Bucket=bucket, Key=key)["Body"].read().decode("utf-8")


def write_text(uri, text):
    bucket, key = split(uri)
    if bucket is not None:
        client().put_object(Bucket=bucket, Key=key, Body=text.encode("utf-8"), ContentType="application/json")
        return
    Path(key).parent.mkdir(parents=True, exist_ok=True)
    # Whole or not at all.
    Path(f"{key}.new").write_text(text, encoding="utf-8")
    os.replace(f"{key}.new", key)


def is_data(name):
    """Names that begin with an underscore or a dot are no data, as in Hive and Athena."""
    return not any(part.startswith(("_", ".")) for part in name.split("/"))


def list_files(place):
    """The data files below a place, in the order of their names: {name, uri, size, etag}."""
    bucket, prefix = split(join(place, ""))
    if bucket is None:
        found = []
        for folder, _, names in os.walk(prefix):
            for name in names:
                path = os.path.join(folder, name)
                stat = os.stat(path)
                found.append((os.path.relpath(path, prefix), path, stat.st_size, str(stat.st_mtime_ns)))
    else:
        pages = client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        found = [
            (each["Key"][len(prefix) :], f"s3://{bucket}/{each['Key']}", each["Size"], each["ETag"].strip('"'))
            for page in pages
            for each in page.get("Contents", [])
        ]
    files = [{"name": name, "uri": uri, "size": size, "etag": etag} for name, uri, size, etag in sorted(found)]
    return [file for file in files if file["size"] > 0 and is_data(file["name"])]


def replace(source, target):
    """Puts a copy of a file in another's place: a reader finds the one or the other, whole."""
    (from_bucket, from_key), (bucket, key) = split(source), split(target)
    if bucket is not None:
        client().copy({"Bucket": from_bucket, "Key": from_key}, bucket, key)
        return
    Path(key).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(from_key, f"{key}.new")
    os.replace(f"{key}.new", key)


def remove(uri):
    bucket, key = split(uri)
    if bucket is not None:
        client().delete_object(Bucket=bucket, Key=key)
    elif os.path.exists(key):
        os.remove(key)


def clear(place):
    """Removes all that lies below a place."""
    bucket, key = split(place)
    if bucket is None:
        shutil.rmtree(key, ignore_errors=True)
        return
    pages = client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=join(key, ""))
    for page in pages:
        for each in page.get("Contents", []):
            client().delete_object(Bucket=bucket, Key=each["Key"])


def by_partition(files, keys):
    """Files by the folders of their partition, in order; those outside of partitions are no data."""
    partitions = {}
    for file in files:
        folders = file["name"].split("/")[:-1][: len(keys)]
        if len(folders) < len(keys) or any(not folder.startswith(f"{key}=") for folder, key in zip(folders, keys)):
            continue
        partitions.setdefault("/".join(folders), []).append(file)
    return dict(sorted(partitions.items()))


def fingerprints(partitions):
    """What the files of each partition are: how many, how many bytes, and a hash of names, sizes and etags."""
    return {name: fingerprint(files) for name, files in partitions.items()}


def fingerprint(files):
    told = "".join(f"{file['name']}\n{file['size']}\n{file['etag']}\n" for file in sorted(files, key=lambda each: each["name"]))
    return f"{len(files)}:{sum(file['size'] for file in files)}:{hashlib.sha256(told.encode('utf-8')).hexdigest()[:32]}"
