"""How quickly exposure answers when ten million downloads are recorded, on SQLite and on PostgreSQL.

`python -m benchmarks.exposure [ROWS]` prints a table. The databases are made for it and dropped afterwards.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

import sqlalchemy as sa

from affineur.app import App
from affineur.model.principals import Principal, Right
from affineur.operations.exposure import Exposure, exposure
from affineur.policy.policies import configured
from affineur.storage.catalog.schema import clients, downloads, lock_pins, locks, requested_files, requesters
from tests.support.databases import postgresql

ROWS = 10_000_000
FILES, REQUESTERS, CLIENTS, LOCKS = 50_000, 2_000, 200, 1_000
DAYS = 365
LITELLM = 20
"""Files of the project asked about; the first two are those of the release."""
ROUNDS = 5
QUESTIONS = (
    ("a release with 1 % of all downloads", {"what": "litellm==1.82.7"}),
    ("the same within three days", {"what": "litellm==1.82.7", "between": "2026-06-01..2026-06-03"}),
    ("a range of versions", {"what": "litellm>=1.82.7,<1.82.9"}),
    ("a project with 5 % of all downloads", {"what": "litellm"}),
    ("a release hardly anybody took", {"what": "cheese-40000==1.0"}),
)
_SPREAD = {"sqlite": "abs(random() % {0})", "postgresql": "floor(random() * {0})::bigint"}
_FILL = """
INSERT INTO downloads (at, file_id, requester_id, client_id, status, times)
WITH one AS MATERIALIZED (
  SELECT {at} AS at, {percent} AS percent, {two} AS two, {rest} AS rest, {file} AS file, {requester} AS requester FROM {series}
)
SELECT {begin} + at, CASE WHEN percent < 1 THEN 1 + two WHEN percent < 5 THEN 3 + rest ELSE 21 + file END,
       requester, (3 * requester + two) % {clients}, 200, 1
FROM one
"""
"""Of 100 downloads one is of the release and four are of other files of its project; a requester uses two clients."""
_SERIES = {
    "sqlite": "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {0}) SELECT i FROM n)",
    "postgresql": "generate_series(1, {0})",
}


def tables():
    """The rows that the record points to, and the locks."""
    files = [("litellm", f"1.82.{7 + n // 2}", f"litellm-1.82.{7 + n // 2}-{n}.whl") for n in range(LITELLM)]
    files += [(f"cheese-{n}", "1.0", f"cheese_{n}-1.0-py3-none-any.whl") for n in range(LITELLM, FILES)]
    names = ("project", "version", "filename")
    yield (
        requested_files,
        [
            {"id": number, "index_name": "main", "used_at": 0, **dict(zip(names, file, strict=True))}
            for number, file in enumerate(files, 1)
        ],
    )
    yield (
        requesters,
        [
            {"id": n, "principal": f"user-{n % 500}", "token": f"{n:012x}", "address": "", "used_at": 0}
            for n in range(REQUESTERS)
        ],
    )
    yield clients, [
        {"id": n, "name": ("pip", "uv")[n % 2], "version": f"{n}.0", "python": "3.12.1", "platform": "linux-x86_64",
         "ci": n % 3 == 0, "used_at": 0}
        for n in range(CLIENTS)
    ]  # fmt: skip
    yield locks, [
        {"name": f"lock-{n}", "owner": "ada", "index_name": "main", "kind": "requirements", "filename": "r.txt",
         "document": b"", "tell": "[]", "added_at": 0, "changed_at": 0, "changed_by": "ada"}
        for n in range(LOCKS)
    ]  # fmt: skip
    yield (
        lock_pins,
        [
            {"lock": f"lock-{n}", "project": project, "version": version}
            for n in range(LOCKS)
            for project, version in [("litellm", "1.82.7"), *((f"cheese-{m}", "1.0") for m in range(n, n + 50))]
        ],
    )


def fill(engine, rows):
    """Write the record in one statement; indexes are built afterwards, as that is quicker."""
    kind = engine.dialect.name
    spread = _SPREAD[kind]
    begin = 1_767_225_600  # 2026-01-01
    numbers = {
        "at": spread.format(DAYS * 86400), "percent": spread.format(100), "two": spread.format(2),
        "rest": spread.format(LITELLM - 2), "file": spread.format(FILES - LITELLM),
        "requester": spread.format(REQUESTERS), "clients": CLIENTS,
    }  # fmt: skip
    with engine.connect().execution_options(affineur_write=True) as connection, connection.begin():
        for table, values in tables():
            connection.execute(sa.insert(table), values)
        for index in downloads.indexes:
            index.drop(connection)
        statement = _FILL.format(begin=begin, series=_SERIES[kind].format(rows) + " AS s", **numbers)
        connection.execute(sa.text(statement))
        for index in downloads.indexes:
            index.create(connection)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE" if kind == "postgresql" else "ANALYZE")


async def measure(folder, database, rows):
    """Return for each question the median and the slowest answer, in seconds, and how many downloads it told."""
    overrides = {"data": str(folder / "data"), "offline": True, "run_jobs": False, "database": database}
    app = App(configured(None, overrides, {}, "http://127.0.0.1:9/simple/"))
    before = time.perf_counter()
    await asyncio.to_thread(fill, app.catalog.engine, rows)
    print(
        f"{app.catalog.engine.dialect.name}: {rows:,} rows written in {time.perf_counter() - before:.0f} s", flush=True
    )
    context = app.site.context(Principal("", "", frozenset({"*"}), frozenset(Right)))
    made = []
    for text, question in QUESTIONS:
        taken = []
        for _ in range(ROUNDS):
            before = time.perf_counter()
            told = await exposure(context, Exposure(**question))
            taken.append(time.perf_counter() - before)
        made.append((text, statistics.median(taken), max(taken), told.times))
    await app.close()
    return made


def main():
    """Print the table."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    for kind in ("sqlite", "postgresql"):
        with tempfile.TemporaryDirectory() as folder:
            if kind == "sqlite":
                made = asyncio.run(measure(Path(folder), "", rows))
            else:
                with postgresql() as address:
                    made = asyncio.run(measure(Path(folder), address, rows))
        for text, median, slowest, times in made:
            print(f"| {kind} | {text} | {times:,} | {median:.3f} s | {slowest:.3f} s |", flush=True)


if __name__ == "__main__":
    main()
