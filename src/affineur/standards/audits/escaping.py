"""Text of packages and advisories made harmless for the places in which a report shows it."""

from __future__ import annotations

import re

from affineur.model.printable import printable

_MARKDOWN = re.compile(r"[\\`*_{}\[\]<>#|~$&!^]")


def markdown(text: str) -> str:
    """Return text as Markdown that shows it: no markup, links, mentions or cells come of it."""
    escaped = _MARKDOWN.sub(r"\\\g<0>", printable(text))
    return escaped.replace("@", "&#64;").replace("://", r"\://")


def sarif(text: str) -> str:
    """Return text as a message of SARIF (2.1.0, 3.11.5 and 3.11.6): no placeholders or links come of it."""
    escaped = printable(text).replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
    return escaped.replace("{", "{{").replace("}", "}}")


def annotation(text: str) -> str:
    """Return text as the message of a workflow command of GitHub Actions."""
    return printable(text).replace("%", "%25")


def annotation_property(text: str) -> str:
    """Return text as a property of a workflow command of GitHub Actions."""
    return annotation(text).replace(":", "%3A").replace(",", "%2C")
