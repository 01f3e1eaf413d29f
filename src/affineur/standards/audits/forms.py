"""The forms of output besides the table and JSON, a row each."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from affineur.standards.audits.report import Report

FORMS: Mapping[str, Callable[[Report], str]] = {}
"""By the name that `--format` takes."""
