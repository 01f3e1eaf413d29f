"""The forms of output besides the table and JSON, a row each."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from affineur.standards.audits.cyclonedx import cyclonedx
from affineur.standards.audits.github import github
from affineur.standards.audits.markdown import markdown
from affineur.standards.audits.report import Report
from affineur.standards.audits.sarif import sarif
from affineur.standards.audits.spdx import spdx

FORMS: Mapping[str, Callable[[Report], str]] = {
    "markdown": markdown,
    "sarif": sarif,
    "cyclonedx": cyclonedx,
    "spdx": spdx,
    "github": github,
}
"""By the name that `--format` takes."""
