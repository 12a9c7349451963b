"""Files of a step's sources that cannot be read: found, told, set aside where that is wanted."""

import json
import re
from datetime import datetime, timezone

import files


class UnreadableFiles(Exception):
    """Files of a step's sources cannot be read."""

    def __init__(self, step, found, mend):
        told = "; ".join(f"{file['uri']} of {source.name}: {reason}" for source, file, reason in found)
        many = "1 file" if len(found) == 1 else f"{len(found)} files"
        super().__init__(f"step {step}: UnreadableFiles: {many} cannot be read, and nothing was replaced: {told}. {mend}")


def find(sources, partitions_of):
    """Reads files whole, one by one, after a step has failed: an error inside of a file often does not say of which."""
    found = []
    for source in sources:
        for file in source.files_in(partitions_of(source)):
            try:
                source.read([file]).write.format("noop").mode("overwrite").save()
            except Exception as error:
                found.append((source, file, plain(error)))
    return found


def plain(error):
    """What the innermost cause says, on one line."""
    text = str(error)
    causes = re.findall(r"Caused by: [\w.$]*?(\w+(?:Exception|Error): [^\n]*)", text)
    return re.sub(r"\s+", " ", causes[-1] if causes else text.strip().split("\n")[0])[:200]


def remedy(unreadable, found):
    if unreadable and any(source.database in unreadable["databases"] for source, _, _ in found):
        return (
            "Put back an earlier version of each, or move them away from the table (the lake's argument "
            f'unreadable: "setAside" does so by itself, below {unreadable["prefix"]}), then start the run again: '
            "it goes on with this step"
        )
    return (
        "Tables that the pipeline makes are made again by a run with --full true of the job that makes them; "
        "put back others, then start the run again"
    )


def set_aside(unreadable, action, run, found):
    """Moves the files out of their tables, each with the reason beside it. Returns what was moved; None where some may not be."""
    if not unreadable or (action or unreadable["action"]) != "set-aside":
        return None
    if any(source.database not in unreadable["databases"] for source, _, _ in found):
        return None
    moved = []
    for source, file, reason in found:
        _, key = files.split(file["uri"])
        aside = files.join(unreadable["prefix"], key.lstrip("/"))
        told = {"file": file["uri"], "table": source.name, "reason": reason, "run": run}
        told["at"] = datetime.now(timezone.utc).isoformat()
        files.write_text(f"{aside}.reason.json", json.dumps(told, indent=2) + "\n")
        files.replace(file["uri"], aside)
        files.remove(file["uri"])
        moved.append(f"{file['uri']}: {reason}")
    return moved
