"""`affineur names check`: names in, a line of JSON for each out.

It is run in hooks and editors, so it loads no server, no SQLAlchemy, and not even Typer.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from affineur.config import load
from affineur.errors import Invalid
from affineur.policy.lookalikes.guard import Guard, Owned
from affineur.policy.lookalikes.popular import popular
from affineur.storage.catalog.claimed import claimed_names

_CHUNK = 1 << 16
_LONGEST_LINE = 1 << 20


def check(names: Sequence[str], *, denials_only: bool, data: str | None, config: Path | None) -> bool:
    """Write what is found about each name, or about each line of standard input where there are none.

    What the configuration reserves and what uploads claimed in the data folder count as owned.

    Returns:
        Whether a name was flagged.

    Raises:
        InvalidConfig: the configuration file is wrong.
        InvalidDocument: the refreshed list in the data folder cannot be read.
        StorageUnavailable: the names that uploads claimed cannot be read.
        Invalid: a line of standard input is longer than 1 MiB.
    """
    settings = load(config, {"data": data})
    guard = Guard(popular(settings.data_path))
    owned = Owned(
        claimed_names(settings.database_url),
        {pattern for hosted in settings.hosted.values() for pattern in hosted.owns},
    )
    encode = msgspec.json.Encoder().encode
    flagged = False
    for batch in [names] if names and list(names) != ["-"] else _lines():
        answers = bytearray()
        for name in batch:
            finding = guard.check(name, owned=owned)
            if denials_only and finding.level == "warn":
                finding = msgspec.structs.replace(finding, flagged=False)
            flagged = flagged or finding.flagged
            answers += encode(finding) + b"\n"
        sys.stdout.buffer.write(answers)
        sys.stdout.buffer.flush()
    return flagged


def _lines() -> Iterator[list[str]]:
    """Yield what has come on standard input, whole lines at a time, without waiting for more."""
    rest = b""
    while chunk := os.read(sys.stdin.fileno(), _CHUNK):
        *lines, rest = (rest + chunk).split(b"\n")
        yield _names(lines)
        if len(rest) > _LONGEST_LINE:
            raise Invalid("a line of standard input is longer than 1 MiB: one name a line is wanted")
    yield _names([rest])


def _names(lines: list[bytes]) -> list[str]:
    texts = (line.decode("utf-8", "replace").strip() for line in lines)
    return [text for text in texts if text and not text.startswith("#")]
