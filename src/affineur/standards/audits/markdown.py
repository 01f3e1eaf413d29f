"""An audit as Markdown, for a summary of a job or a comment."""

from __future__ import annotations

from collections.abc import Iterator

from affineur.standards.audits.escaping import markdown as escaped
from affineur.standards.audits.report import Report, holes_of, place, summary, what_to_do


def markdown(report: Report) -> str:
    """Return the report as tables under headings."""
    return "\n".join(_lines(report)) + "\n"


def _row(*cells: str) -> str:
    return f"| {' | '.join(escaped(cell) for cell in cells)} |"


def _head(*names: str) -> Iterator[str]:
    yield f"| {' | '.join(names)} |"
    yield f"|{' --- |' * len(names)}"


def _lines(report: Report) -> Iterator[str]:
    yield "## Audit"
    yield ""
    yield escaped(summary(report))
    yield ""
    if report.advisories.alarm:
        yield f"**{escaped(report.advisories.alarm)}**"
        yield ""
    holes = list(holes_of(report))
    if holes:
        yield "### Known vulnerabilities"
        yield ""
        yield from _head("Release", "Where", "Vulnerability", "Severity", "What to do")
        for row, hole in holes:
            ids = ", ".join([hole.known_as, *(name for name in hole.ids if name != hole.known_as)])
            severity = "malware" if hole.kind == "malware" else hole.severity
            yield _row(f"{row.name} {row.version}", place(row), ids, severity, what_to_do(row, hole))
        yield ""
    if report.findings:
        yield "### Other findings"
        yield ""
        yield from _head("Level", "Kind", "Where", "Release", "What")
        for one in report.findings:
            yield _row(one.level, one.kind, place(one), f"{one.name} {one.version}".strip(), one.sentence)
        yield ""
    if report.unknown:
        yield "### Not checked"
        yield ""
        yield from _head("Kind", "Where", "Release", "Why")
        for entry in report.unknown:
            yield _row(entry.kind, place(entry), f"{entry.name} {entry.version}".strip(), entry.sentence)
        yield ""
    if report.fixes:
        yield "### Upgrades"
        yield ""
        yield from _head("Project", "From", "To")
        for fix in report.fixes:
            yield _row(fix.name, fix.old_version, fix.new_version)
        yield ""
    if report.fix_problems:
        yield from (f"- not fixed: {escaped(problem)}" for problem in report.fix_problems)
        yield ""
    if report.ignored or report.ignore_problems:
        yield "### Excepted by the ignore file"
        yield ""
        for row_ in report.ignored:
            end = f" (until {row_.end})" if row_.end else ""
            yield f"- {escaped(f'{row_.id} {row_.name} {row_.version}: {row_.reason}{end}')}"
        for problem in report.ignore_problems:
            yield f"- {escaped(problem)}"
        yield ""
