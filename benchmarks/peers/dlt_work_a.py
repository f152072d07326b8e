"""Work A with dlt: read, map 7 fields, validate the address, hand over in batches of 500 to a sink that does nothing.

`dlt_work_a.py FILE FOLDER`; runs in the peers' environment and says a line of JSON.
"""

from __future__ import annotations

import json
import re
import resource
import sys
import time
from pathlib import Path

import dlt
import pandas as pd

path, folder = sys.argv[1], sys.argv[2]
handed_over = 0
address = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


@dlt.resource(name="contacts")
def contacts():
    for chunk in pd.read_csv(path, dtype=str, keep_default_na=False, chunksize=10000):
        yield chunk.to_dict("records")


def mapped(row):
    return {
        "email_address": row["Email"].strip().lower(),
        "first_name": row["First Name"],
        "last_name": row["Last Name"],
        "phone": re.sub(r"\D", "", row["Phone Number"]),
        "status": "UNSUBSCRIBED" if row["Opted out"] == "true" else "SUBSCRIBED",
        "birthday": row["Birthday"],
        "company": row["Company"],
    }


def valid(contact):
    return address.fullmatch(contact["email_address"]) is not None


@dlt.destination(batch_size=500, name="sink")
def sink(items, table):  # noqa: ARG001 - dlt gives both
    global handed_over  # noqa: PLW0603 - dlt wants a function
    handed_over += len(items)


def peak_memory():
    status = Path("/proc/self/status")
    if status.exists():
        return (
            next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))
            / 1024
        )
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


imported = peak_memory()
pipeline = dlt.pipeline("work_a", destination=sink, dev_mode=True, pipelines_dir=folder)
began, used = time.perf_counter(), time.process_time()
pipeline.run(contacts().add_map(mapped).add_filter(valid))
print(
    json.dumps(
        {
            "seconds": time.perf_counter() - began,
            "processor": time.process_time() - used,
            "contacts": handed_over,
            "peak": peak_memory(),
            "imported": imported,
            "version": dlt.__version__,
        }
    )
)
