"""An audit as text on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from affineur.model.printable import counted, printable
from affineur.standards.audits.report import Dependency, Report, Unchecked, place, summary, what_to_do

_MOST_ALIKE = 4
"""Entries that are named where the same is to be said of many."""


def table(report: Report) -> str:
    """Return the report for people, the worst first in each part."""
    return "\n".join(_lines(report))


def _lines(report: Report) -> Iterator[str]:
    if report.advisories.alarm:
        yield printable(report.advisories.alarm)
        yield ""
    for row in report.dependencies:
        if row.vulns:
            yield from _vulnerable(row)
    for finding in report.findings:
        who = printable(" ".join(text for text in (finding.name, finding.version) if text))
        yield f"{finding.level:<8} {finding.kind:<18} {_headed(_joined(place(finding), who), finding.sentence)}"
    if report.findings:
        yield ""
    yield from _not_checked([entry for entry in report.unknown if entry.sentence != report.advisories.alarm])
    for upgrade in report.fixes:
        clears = f" (clears {', '.join(upgrade.clears)})" if upgrade.clears else ""
        way = f"raise {upgrade.name} from {upgrade.old_version} to" if upgrade.old_version else f"add {upgrade.name}"
        yield printable(f"{way} {upgrade.new_version}{clears}")
    yield from (f"written: {printable(one.name)}" for one in report.written)
    yield from (f"not fixed: {printable(problem)}" for problem in report.fix_problems)
    for excepted in report.ignored:
        end = f" until {excepted.end}" if excepted.end else ""
        what = " ".join(filter(None, (excepted.id, excepted.name, excepted.version)))
        yield printable(f"excepted{end}: {what}: {excepted.reason}")
    for problem in report.ignore_problems:
        yield f"ignore file: {printable(problem)}"
    newest = report.advisories.newest
    known = f"{report.advisories.records} advisories" + (f", the newest of {newest:%Y-%m-%d}" if newest else "")
    where = f"index {report.index}, policy {report.policy}" + (", offline" if report.offline else "")
    yield f"{summary(report)} ({where}; {known})"


def _not_checked(unknown: Sequence[Unchecked]) -> Iterator[str]:
    """Yield what was not checked, those of which the same is to be said on one line."""
    if not unknown:
        return
    yield "NOT CHECKED:"
    alike: dict[tuple[str, str], list[str]] = {}
    for entry in unknown:
        who = printable(" ".join(text for text in (entry.name, entry.version) if text))
        alike.setdefault((entry.kind, entry.sentence), []).append(_joined(place(entry), who))
    for (kind, sentence), entries in alike.items():
        more = f" and {len(entries) - _MOST_ALIKE} more" if len(entries) > _MOST_ALIKE else ""
        yield f"  {kind:<18} {_headed(', '.join(entries[:_MOST_ALIKE]) + more, sentence)}"
    yield ""


def _joined(where: str, who: str) -> str:
    return f"{where} {who}".strip()


def _headed(head: str, sentence: str) -> str:
    return f"{head}: {printable(sentence)}" if head else printable(sentence)


def _vulnerable(row: Dependency) -> Iterator[str]:
    many = "known vulnerabilities"
    where = f" ({place(row)})" if row.file else ""
    head = f"{printable(row.name)} {printable(row.version)}{where}: "
    head += counted(len(row.vulns), "known vulnerability", many)
    yield head + (f"; {row.fixed_by} is free of all and passes the gate today" if row.fixed_by else "")
    for hole in row.vulns:
        others = ", ".join(name for name in hole.ids if name != hole.known_as)
        word = "MALWARE" if hole.kind == "malware" else hole.severity
        yield f"  {hole.known_as:<20} {word:<9} {printable(what_to_do(row, hole))}" + (f" ({others})" if others else "")
        if hole.summary:
            yield f"  {'':<20} {printable(hole.summary)}"
    yield ""
