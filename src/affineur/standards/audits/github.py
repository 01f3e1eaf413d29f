"""An audit as annotations of GitHub Actions (workflow commands)."""

from __future__ import annotations

from affineur.standards.audits.escaping import annotation, annotation_property
from affineur.standards.audits.report import ERROR, NOTE, WARNING, Report, summary
from affineur.standards.audits.told import told

_COMMANDS = {ERROR: "error", WARNING: "warning", NOTE: "notice"}


def github(report: Report) -> str:
    """Return a command for each thing found or not checked, and what was found in a sentence."""
    lines = []
    for one in told(report):
        properties = {"file": one.file, "line": str(one.line) if one.line else "", "title": f"{one.id}: {one.title}"}
        given = ",".join(f"{name}={annotation_property(text)}" for name, text in properties.items() if text)
        lines.append(f"::{_COMMANDS[one.level]} {given}::{annotation(one.text)}")
    return "\n".join([*lines, annotation(summary(report))]) + "\n"
