"""Hashes put into a requirements file and taken out of it; every other byte stays as it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from affineur.errors import Invalid
from affineur.standards.locks.read_requirements import logical_lines, read_requirements

Hash = tuple[str, str]
"""Algorithm and hex digest."""

_HASH = re.compile(r"""\s*--hash(?:=|\s+)(["']?)([A-Za-z0-9_-]+)[:=]([0-9A-Fa-f]+)\1(?=\s|\Z)""")
_COMMENT = re.compile(r"(?:^|\s+)#.*$")
_CONTINUED = re.compile(r"\s*\\+\Z")
_INDENT = re.compile(r"\A(\s+)--hash")
_END = re.compile(r"[\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+\Z")


@dataclass(frozen=True, slots=True)
class Edit:
    """What changes about the hashes of one entry."""

    add: tuple[Hash, ...] = ()
    drop: tuple[Hash, ...] = ()


def edit_hashes(text: str, name: str, edits: Mapping[int, Edit]) -> str:
    """Return a requirements file with the hashes of some entries changed.

    Args:
        text: the file.
        name: its name, for errors.
        edits: changes by the line on which an entry begins, from 1.

    Raises:
        Invalid: an entry is written in a way that cannot be edited.
    """
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    lines = text.removeprefix(mark).splitlines(keepends=True)
    ends = [_END.search(line) for line in lines]
    made: list[str] = []
    for first, last, _ in logical_lines(text):
        own = lines[first - 1 : last]
        edit = edits.get(first)
        made += _edited(own, edit, _usual(ends)) if edit and (edit.add or edit.drop) else own
    edited = mark + "".join(made)
    _check(text, edited, name, edits)
    return edited


def _usual(ends: Iterable[re.Match[str] | None]) -> str:
    return next((end[0] for end in ends if end), "\n")


def _edited(own: list[str], edit: Edit, end: str) -> list[str]:
    """Return the lines of an entry with its hashes changed."""
    after = 0
    while own[-1 - after].lstrip().startswith("#"):
        # A comment ends what a backslash continues, and stays behind the entry.
        after += 1
    comments, own = own[len(own) - after :], own[: len(own) - after]
    final = found[0] if (found := _END.search(own[-1])) else ""
    plain = [_END.sub("", line) for line in own]
    comment = found[0] if (found := _COMMENT.search(plain[-1])) else ""
    dangling = not comment and bool(_CONTINUED.search(plain[-1]))
    plain[-1] = plain[-1][: len(plain[-1]) - len(comment)]
    bodies = [(_CONTINUED.sub("", line), line) for line in plain]
    indent = next((found[1] for body, _ in bodies if (found := _INDENT.match(body))), "    ")
    dropped = set(edit.drop)
    kept = []
    for body, line in bodies:
        left = _HASH.sub(lambda found: "" if (found[2].lower(), found[3].lower()) in dropped else found[0], body)
        if left.strip() or left == body:
            kept.append((left, line if left == body else left))
    kept += [(f"{indent}--hash={algorithm}:{digest}",) * 2 for algorithm, digest in edit.add]
    made = []
    for at, (body, line) in enumerate(kept):
        if at < len(kept) - 1:
            made.append((line if _CONTINUED.search(line) else f"{body.rstrip()} \\") + end)
        else:
            made.append(body.rstrip() + (" \\" if dangling and comments else comment) + final)
    return made + comments


def _check(before: str, after: str, name: str, edits: Mapping[int, Edit]) -> None:
    """Make sure that entries have the hashes that they are to have, and nothing else changed."""
    wanted, has = read_requirements(before, name).pins, read_requirements(after, name).pins
    for old, new in zip(wanted, has, strict=False):
        edit = edits.get(old.line, Edit())
        hashes = [pair for pair in old.hashes if pair not in set(edit.drop)]
        if (old.project, set(new.hashes)) != (new.project, {*hashes, *edit.add}):
            raise Invalid(f"{name}: line {old.line}: the entry is written in a way that cannot be edited here")
    if len(wanted) != len(has):
        raise Invalid(f"{name}: it is written in a way that cannot be edited here")
