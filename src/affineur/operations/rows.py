"""Rows of results as text: the cells of a table, and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

import msgspec

from affineur.model.printable import printable

_FORMULA = ("=", "+", "-", "@")
"""What makes spreadsheets take the text of a cell for a formula."""


def cell(value: Any) -> str:
    """Return a value as text on one line, without control characters; nothing for none."""
    if value is None:
        return ""
    if isinstance(value, list):
        return ",".join(cell(item) for item in value)
    text = msgspec.json.encode(value).decode() if isinstance(value, dict) else str(value)
    return printable(text)


def as_csv(rows: Sequence[msgspec.Struct]) -> str:
    """Return rows as CSV (RFC 4180) under their names; a text that spreadsheets would compute gets a quote before it."""
    if not rows:
        return ""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(type(rows[0]).__struct_fields__)
    for row in rows:
        values = msgspec.to_builtins(row).values()
        writer.writerow([f"'{cell(v)}" if isinstance(v, str) and v.startswith(_FORMULA) else cell(v) for v in values])
    return text.getvalue()
