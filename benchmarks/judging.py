"""What judging costs: a large page, everything held under a changed policy, a rehearsal on a million downloads.

`python -m benchmarks.judging` prints a table; nothing is fetched.
"""

import asyncio
import random
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from affineur.app import App
from affineur.model.files import File, UploadTimeSource
from affineur.model.names import ProjectName
from affineur.model.principals import Principal, Right
from affineur.operations.reevaluate import Reevaluate, reevaluate
from affineur.operations.rehearse import Rehearse, rehearse
from affineur.policy.policies import configured
from affineur.sources import kept
from affineur.sources.pinned import Delta, Listing
from affineur.storage.catalog import downloads as recorded
from affineur.storage.catalog.downloads import Batch, Download

PROJECTS, FILES, DOWNLOADS = 2_000, 50, 1_000_000
NOW = datetime.now(UTC)
STRICTER = "[policies.standard]\ncooldown = { days = 30 }\nfile_kinds = { prereleases = false }\n"


def listing(project, files):
    def file(number):
        moment = NOW - timedelta(days=number + random.random())
        filename = f"{project}-1.{files - number}-py3-none-any.whl"
        return File(
            filename, f"1.{files - number}", {"sha256": f"{random.getrandbits(256):064x}"}, 20_000, moment,
            UploadTimeSource.UPSTREAM, first_seen=moment, metadata_hashes={"sha256": "0" * 64}, url=f"http://127.0.0.1:9/{filename}",
        )  # fmt: skip

    return Listing(
        tuple(file(number) for number in range(files)),
        (),
    )


def fill(change, names):
    for name, files in names.items():
        document = kept.pack(listing(name, files))
        kept.store(change, "public", name, b"", document, ("", ""), Delta(added=("x",)))


def record(change, names):
    clients = {principal: (principal, "", "pip/26.3") for principal in ("", "ci", "ada")}
    batch = Batch()
    given = {}
    for _ in range(DOWNLOADS):
        key = (random.choice(names), random.randrange(FILES), random.choice(list(clients)))
        if key not in given:
            name, number, principal = key
            filename = f"{name}-1.{FILES - number}-py3-none-any.whl"
            given[key] = Download("main", name, f"1.{FILES - number}", filename, *clients[principal], 200)
        at = int(NOW.timestamp() - random.random() * 86400 * 29)
        batch.downloads[given[key], "", at, False] = 1
    recorded.append(change, batch)


async def measure(data):
    """Return the rows: what, seconds, goal."""
    names = [f"cheese-{number}" for number in range(PROJECTS)]
    path = data / "affineur.toml"
    path.write_text("")
    overrides = {"data": str(data / "data"), "offline": True, "run_jobs": False}
    app = App(configured(path, overrides, {}, "http://127.0.0.1:9/simple/"))
    await app.catalog.write(fill, {**dict.fromkeys(names, FILES), "large": 2_000})
    await app.catalog.write(record, names)
    gated = app.context().index("main")
    page = await gated.source.held(ProjectName("large"))
    evidence = await gated.witness.of(page, gated.gate.needs(page.project))
    gated.gate.screen(page, now=NOW, evidence=evidence)
    before = time.perf_counter()
    gated.gate.screen(page, now=NOW, evidence=evidence)
    rows = [("a page of 2,000 files judged", time.perf_counter() - before, 0.1)]
    for name in names:
        await gated.judged_again(ProjectName(name))
    await app.journal.write()
    await app.close()
    path.write_text(STRICTER)
    app = App(configured(path, overrides, {}, "http://127.0.0.1:9/simple/"))
    context = app.site.context(Principal("", "", frozenset({"*"}), frozenset(Right)))
    before = time.perf_counter()
    done = await reevaluate(context, Reevaluate(index="main"))
    rows.append((f"{done.files:,} files judged again under a changed policy", time.perf_counter() - before, 60.0))
    before = time.perf_counter()
    made = await rehearse(context, Rehearse(file="cooldown = 5", index="main"))
    rows.append((f"a rehearsal on {made.requests:,} downloads", time.perf_counter() - before, 60.0))
    await app.close()
    return rows


def main():
    """Print the table."""
    random.seed(1)
    with tempfile.TemporaryDirectory() as folder:
        for what, seconds, goal in asyncio.run(measure(Path(folder))):
            print(f"| {what} | {seconds:.2f} s | ≤ {goal:g} s |", flush=True)


if __name__ == "__main__":
    main()
