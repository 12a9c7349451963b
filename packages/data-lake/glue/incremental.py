"""Decides what of a table a run makes again, by the same rules as Tributary's local runtime (`plan-step.ts`)."""

import hashlib
import json
import re
from datetime import datetime, timezone

import files

OPTIONS = ["full", "from", "to", "as_of", "unreadable"]


def run_options(given):
    """What a run's arguments ask for. Raises ValueError with every fault."""
    faults = []
    given = {name: value.strip() for name, value in given.items() if name in OPTIONS and value and value.strip()}
    if given.get("full", "false") not in ("true", "false"):
        faults.append(f"--full {given['full']} must be true or false")
    first, last = given.get("from"), given.get("to")
    for name, day in (("from", first), ("to", last)):
        if day is not None and not is_day(day):
            faults.append(f"--{name} {day} must be a day such as 2026-11-23")
    if first is not None and last is not None and first > last:
        faults.append(f"--from {first} is after --to {last}")
    instant = datetime.now(timezone.utc)
    try:
        if "as_of" in given:
            instant = datetime.fromisoformat(given["as_of"].replace("Z", "+00:00"))
    except ValueError:
        faults.append(f"--as_of {given['as_of']} must be an instant such as 2026-11-23T03:00:00Z")
    if given.get("unreadable", "stop") not in ("stop", "set-aside"):
        faults.append(f"--unreadable {given['unreadable']} must be stop or set-aside")
    if faults:
        raise ValueError(f"the job's arguments: {'; '.join(faults)}")
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=timezone.utc)
    return {
        "full": given.get("full") == "true",
        "range": None if first is None and last is None else (first or "0000-00-00", last or "9999-99-99"),
        "as_of": instant.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
        "unreadable": given.get("unreadable"),
    }


def is_day(text):
    try:
        return datetime.strptime(text, "%Y-%m-%d").strftime("%Y-%m-%d") == text
    except ValueError:
        return False


def changes(before, now):
    """Partitions that are not in both alike."""
    return sorted(name for name in {*before, *now} if before.get(name) != now.get(name))


def grown(memory, sources):
    """
    Partitions of the first of these sources whose files of last time are all there still, the first by name, so that what else is there came since. A
    file that came since and goes before them by name makes it a no: that costs a whole run, a false yes right rows.
    """
    if memory is None or not sources:
        return []
    before = memory["sources"].get(sources[0].name, {})
    return [name for name, some in sources[0].partitions.items() if name in before and is_first(before[name], some)]


def is_first(before, some):
    first = sorted(some, key=lambda file: file["name"])[: int(before.split(":")[0])]
    return files.fingerprint(first) == before


def in_range(partition, days):
    day = re.search(r"(?:^|/)dt=([^/]*)", partition)
    return days is not None and day is not None and days[0] <= day.group(1) <= days[1]


def plan_step(follow, state, memory, request):
    """
    ("skip", None), ("whole", why), ("partitions", names) or ("fold", names). A table that follows by key is made whole
    here, to the same rows.
    """
    if request["full"]:
        return "whole", "asked for"
    if memory is None:
        return "whole", "it was not made before"
    if memory["hash"] != state["hash"]:
        return "whole", "its SELECT, its rules or its columns have changed"
    if memory.get("asOf") != state.get("asOf"):
        return "whole", "it is told of another instant"
    names = [*dict.fromkeys([*memory["sources"], *state["sources"]])]
    changed = {name: changes(memory["sources"].get(name, {}), state["sources"].get(name, {})) for name in names}
    drifted = changes(memory["target"], state["target"])
    beside = next((name for name in names if name not in state["followed"] and changed[name]), None)
    if follow in ("partition", "first"):
        if beside is not None:
            return "whole", f"{beside} has changed"
        known = {*state["target"], *(each for name in state["followed"] for each in state["sources"].get(name, {}))}
        reopened = {name for name in known if in_range(name, request["range"])}
        partitions = sorted({*drifted, *reopened, *(each for some in changed.values() for each in some)})
        return ("partitions", partitions) if partitions else ("skip", None)
    if drifted:
        return "whole", "its files are not those that the last run wrote"
    anything = [name for name in names if changed[name]]
    if not anything and request["range"] is None:
        return "skip", None
    if follow == "fold" and beside is None and request["range"] is None:
        source = state["followed"][0]
        before = memory["sources"].get(source, {})
        if all(name in state["grown"] for name in changed[source] if name in before):
            return "fold", changed[source]
    return "whole", f"{', '.join(anything)} has changed" if anything else "asked for"


class Bookmark:
    """What each step of a job did last: JSON, written after each step, so that a run goes on where one ended."""

    def __init__(self, uri):
        self.uri = uri
        self.steps = {}
        text = files.read_text(uri) if uri else None
        if text is not None:
            try:
                told = json.loads(text)
                self.steps = told["steps"] if told.get("version") == 1 else {}
            except (ValueError, KeyError, AttributeError):
                print(f"the bookmark {uri} is not valid, so everything is made again")

    def of(self, step):
        return self.steps.get(step)

    def keep(self, step, memory):
        if self.uri is None:
            return
        self.steps = {**self.steps, step: memory}
        files.write_text(self.uri, json.dumps({"version": 1, "steps": self.steps}) + "\n")


def hash_of(sql, step, schema):
    """Of all that a table's bytes hang on beside its sources."""
    kept = {name: value for name, value in step.items() if name not in ("name", "sql")}
    return hashlib.sha256(json.dumps([sql, kept, schema], sort_keys=True).encode("utf-8")).hexdigest()[:32]
