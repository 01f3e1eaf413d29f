"""What auditing costs: 500 pins without network, with nothing held of them and with every listing held.

`python -m benchmarks.auditing ADVISORIES` prints a table; ADVISORIES is a file of OSV records, as
`affineur advisories import` takes it. Nothing is fetched.
"""

import asyncio
import gzip
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from affineur.app import App
from affineur.model.advisories import parsed
from affineur.model.names import normalize
from affineur.operations.advisories import AdvisoriesImport, import_advisories
from affineur.operations.audit import Audit, audit
from affineur.operations.operation import Document
from affineur.policy.policies import configured
from benchmarks.judging import fill

PINS, FILES, ROUNDS = 500, 50, 5


def pins(path):
    """Versions that records list, of as many projects as there are."""
    listed = {}
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
        for line in lines:
            for affected in json.loads(line).get("affected", ()):
                versions = [text for text in affected.get("versions") or () if parsed(text)]
                listed.setdefault(normalize(affected["package"]["name"]), []).extend(versions)
    names = [name for name, versions in sorted(listed.items()) if versions][:PINS]
    return {name: random.choice(listed[name]) for name in names}


async def measured(app, text):
    request = Audit((Document("requirements.txt", text),), offline=True)
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        report = await audit(app.context(), request)
        took.append(time.perf_counter() - began)
    return took, report


def command(file, data):
    """Run the command some times; return the seconds each took, and say those of the processor aside."""
    words = [sys.executable, "-m", "affineur", "audit", str(file), "--offline", "--data", str(data)]
    took, worked = [], []
    for _ in range(ROUNDS):
        began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(words, capture_output=True, check=False)
        took.append(time.perf_counter() - began)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        worked.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    print(f"{file.name}: {min(worked):.2f} s of the processor at best", file=sys.stderr)
    return took


async def main(path):
    random.seed(1)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        app = App(configured(None, {"data": str(data)}))
        await import_advisories(app.context(), AdvisoriesImport(str(path)))
        chosen = pins(path)
        text = "".join(f"{name}=={version}\n" for name, version in chosen.items())
        rows = []
        took, report = await measured(app, text)
        holes = sum(len(row.vulns) for row in report.dependencies)
        rows.append((f"{len(chosen)} pins, nothing held, {holes} vulnerabilities", took))
        file = Path(folder) / "requirements.txt"
        file.write_text(text)
        rows.append(("the command as a whole, nothing held", command(file, data)))
        await app.catalog.write(fill, dict.fromkeys(chosen, FILES))
        held = "".join(f"{name}==1.{random.randrange(1, FILES)}\n" for name in chosen)
        took, report = await measured(app, held)
        rows.append((f"{len(chosen)} pins, listings of {FILES} files held", took))
        await app.close()
        file.write_text(held)
        rows.append((f"the command as a whole, listings of {FILES} files held", command(file, data)))
    print("| what | first | best |\n|---|---|---|")
    for what, took in rows:
        print(f"| {what} | {took[0]:.2f} s | {min(took):.2f} s |")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
