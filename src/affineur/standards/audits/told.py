"""Everything of a report as rows of one kind, for forms that list without telling kinds apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from affineur.standards.audits.report import (
    ERROR,
    WARNING,
    Dependency,
    Report,
    Vulnerability,
    holes_of,
    what_to_do,
)

_LEVELS = {"low": WARNING, "medium": WARNING}
_TITLES = {
    "archived": "The project is archived",
    "deprecated": "The project is deprecated",
    "direct-url": "It does not come from an index",
    "editable": "It is installed as editable",
    "extra-index-url": "A second index may supply any name",
    "find-links": "Files come past the index",
    "insecure-index": "The index is asked without TLS",
    "licence": "The licence is not what the policy allows",
    "look-alike": "The name looks like another's",
    "missing-hash": "There is no hash",
    "outdated": "There is something better",
    "pending": "Rules have not seen the content",
    "policy": "The index's policy objects",
    "quarantined": "The project is quarantined",
    "trusted-host": "A certificate is not checked",
    "unknown-project": "No index known has the project",
    "unknown-release": "The release does not exist",
    "weak-hash": "The hash can be forged",
    "wrong-hash": "The hash is that of no file",
    "yanked": "The release was yanked",
}


@dataclass(frozen=True, slots=True)
class Told:
    """One thing to be told."""

    id: str
    """An advisory's id, or the kind of a finding."""
    title: str
    level: str
    text: str
    file: str
    line: int
    hole: Vulnerability | None = None
    """What is told of, where it is a known vulnerability."""


def told(report: Report) -> Iterator[Told]:
    """Yield vulnerabilities, then other findings, then what could not be looked at."""
    for row, hole in holes_of(report):
        level = ERROR if hole.kind == "malware" else _LEVELS.get(hole.severity, ERROR)
        yield Told(hole.id, hole.summary or hole.known_as, level, about(row, hole), row.file, row.line, hole)
    for one in report.findings:
        who = f"{one.name} {one.version}".strip()
        text = f"{who}: {one.sentence}" if who else one.sentence
        yield Told(one.kind, _TITLES.get(one.kind, one.kind), one.level, text, one.file, one.line)
    for entry in report.unknown:
        who = f"{entry.name} {entry.version}".strip()
        text = f"not checked: {who}: {entry.sentence}" if who else f"not checked: {entry.sentence}"
        yield Told(f"not-checked/{entry.kind}", "It could not be checked", WARNING, text, entry.file, entry.line)


def about(row: Dependency, hole: Vulnerability) -> str:
    """Return a hole in a sentence: whose, which, how bad, and what to do."""
    what = "is malware" if hole.kind == "malware" else f"has {hole.known_as} ({hole.severity})"
    others = ", ".join(name for name in hole.ids if name != hole.known_as)
    names = f" [{others}]" if others and hole.kind != "malware" else f" [{', '.join(hole.ids)}]" if others else ""
    said = f": {hole.summary}" if hole.summary else ""
    return f"{row.name} {row.version} {what}{names}{said}; {what_to_do(row, hole)}"
