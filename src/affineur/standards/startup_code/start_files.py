"""Files that Python reads at every start: `.pth` (the `site` module) and `.start` (PEP 829)."""

from __future__ import annotations

import ast
import re

from affineur.model.scans import Finding, Level, Moment, Trait
from affineur.standards.startup_code.reader import Reader
from affineur.standards.startup_code.report import Report
from affineur.standards.startup_code.values import Budget, Exhausted

_NAMESPACE = re.compile(
    r"import sys, ?types, ?os;\s?(?:has_mfs = sys\.version_info > \(3, 5\);)?p = os\.path\.join\(sys\._getframe\(1\)\.f_locals\['sitedir'\], "
    r"\*\('[\w.]+',(?: '[\w.]+',?)*\)\);importlib = has_mfs and __import__\('importlib\.util'\);[^\n]*"
    r"mp = \(m or \[\]\) and m\.__dict__\.setdefault\('__path__',\[\]\);\(p not in mp\) and mp\.append\(p\)\s*"
    r"(?:;m and setattr\(sys\.modules\['[\w.]+'\], '\w+', m\))?\s*"
)
_DISTUTILS = re.compile(
    r"import os; var = 'SETUPTOOLS_USE_DISTUTILS'; enabled = os\.environ\.get\(var, '(?:local|stdlib)'\) == 'local'; "
    r"enabled and __import__\('_distutils_hack'\)(?:\.add_shim\(\))?;?\s*"
)
_ENTRY = re.compile(r"([A-Za-z_][\w.]*)\s*:\s*([A-Za-z_][\w.]*)\s*\Z")


def read_pth(raw: bytes, member: str, budget: Budget) -> tuple[list[Finding], list[str], str]:
    """Read a `.pth` file; return findings, the modules it imports, and why it was not read to its end."""
    text = raw.decode("utf-8-sig", "replace")
    report = Report(member, text, Moment.START)
    reader = Reader(report, budget)
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith(("import ", "import\t")) or _NAMESPACE.fullmatch(line) or _DISTUTILS.fullmatch(line):
            continue
        report.add(Trait.START_FILE, Level.WARN, number, "has a line of code that runs")
        try:
            tree = ast.parse(line.strip())
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        report.inside.append(number)
        try:
            reader.run(tree.body)
        except (Exhausted, RecursionError) as error:
            return report.findings(), reader.imported, str(error) or "its code is nested too deeply"
        finally:
            report.inside.pop()
    return report.findings(), reader.imported, ""


def read_start(raw: bytes, member: str) -> tuple[list[Finding], list[str]]:
    """Read a `.start` file of entry points; return findings and the modules that it has called."""
    text = raw.decode("utf-8-sig", "replace")
    report = Report(member, text, Moment.START)
    imported: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        report.add(Trait.START_FILE, Level.WARN, number, "names a function that is called")
        if entry := _ENTRY.match(line.strip()):
            imported.append(entry[1])
    return report.findings(), imported
