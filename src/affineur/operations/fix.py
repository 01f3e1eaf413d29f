"""The smallest set of upgrades that clears what an audit found, resolved through the gate and put into the file."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec
from packaging.requirements import Requirement

from affineur.errors import Invalid, Unresolvable
from affineur.model.locks import Lock, LockKind, Pin
from affineur.model.names import ProjectName
from affineur.operations.context import Context
from affineur.operations.findings import Looked, nearest
from affineur.operations.resolve import Asked, resolved
from affineur.standards.audits.report import Upgrade
from affineur.standards.locks.edit_requirements import Edit, edit_hashes
from affineur.standards.locks.write_requirements import write_requirements
from affineur.standards.wanted import Want

_TOOLS = {
    LockKind.POETRY: "poetry update {names}",
    LockKind.UV: "uv lock {upgrades}",
    LockKind.PDM: "pdm update {names}",
    LockKind.PIPFILE: "pipenv upgrade {pins}",
    LockKind.PYLOCK: "affineur lock ... -o {file} --upgrade-package {commas}",
}
"""The commands with which other formats are raised by their own tools."""


@dataclass
class Fixing:
    """What is to be done to one file and those that it names."""

    upgrades: list[Upgrade] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """What cannot be fixed, and why, a sentence each."""
    texts: dict[str, str] = field(default_factory=dict)
    """The files that change, by name."""


async def fix(
    context: Context,
    index: str,
    lock: Lock,
    name: str,
    texts: Mapping[str, str],
    looked: Mapping[ProjectName, Looked],
    wrong: Sequence[Pin],
    *,
    held_only: bool,
) -> Fixing:
    """Raise the pins with which something is wrong to the nearest release without it, and others only where they must.

    Args:
        context: with the indexes.
        index: the one whose gate decides.
        lock: what was read of the file and of those that it names.
        name: the file.
        texts: the texts of the files, by name.
        looked: what is known of each project.
        wrong: the pins to be raised.
        held_only: whether only releases whose bytes are held here may be chosen.
    """
    made = Fixing()
    raised: dict[ProjectName, str] = {}
    several = {project for project, times in Counter(pin.project for pin in lock.pins).items() if times > 1}
    for pin in wrong:
        version = nearest(looked[pin.project], pin.version)
        if pin.project in several:
            made.problems.append(f"{name}: {pin.project} is pinned more than once: raise it by hand")
        elif not version:
            made.problems.append(f"{name}: no later {pin.project} than {pin.version} is free of it and passes the gate")
        else:
            raised[pin.project] = version
    if not raised:
        return made
    if lock.kind is not LockKind.REQUIREMENTS:
        made.problems.append(f"{name}: {_by_its_tool(lock.kind, name, raised)}")
        return made
    try:
        chosen = await _resolved(context, index, lock, name, raised, held_only=held_only)
    except Unresolvable as error:
        made.problems.append(f"{name}: it cannot be raised: {' '.join(error.sentence.split())}")
        return made
    _take(made, lock, name, texts, chosen, several)
    made.upgrades = [_with_clears(upgrade, looked) for upgrade in made.upgrades]
    return made


def _with_clears(upgrade: Upgrade, looked: Mapping[ProjectName, Looked]) -> Upgrade:
    """Return an upgrade with the holes that go away by it."""
    if not upgrade.old_version:
        return upgrade
    known = looked[ProjectName(upgrade.name)].advisories
    old, left = upgrade.old_version, known.of(upgrade.new_version)
    cleared = [hole.told_of(old) for hole in known.of(old) if hole not in left]
    return msgspec.structs.replace(upgrade, clears=[hole.advisory.id for hole in cleared])


def _by_its_tool(kind: LockKind, name: str, raised: Mapping[ProjectName, str]) -> str:
    pins = [f"{project}=={version}" for project, version in raised.items()]
    command = _TOOLS[kind].format(
        names=" ".join(raised), pins=" ".join(pins), file=name, commas=",".join(pins),
        upgrades=" ".join(f"--upgrade-package {pin}" for pin in pins),
    )  # fmt: skip
    return f"the tool that wrote it has to raise {', '.join(pins)}: {command}"


async def _resolved(
    context: Context, index: str, lock: Lock, name: str, raised: Mapping[ProjectName, str], *, held_only: bool
) -> tuple[Pin, ...]:
    """Return a complete set in which every pin is at least what it was, and those to be raised what they must be.

    Raises:
        Unresolvable: there is none.
    """
    pins = [replace(p, version=raised.get(p.project, p.version)) for p in lock.pins if p.version and not p.origin]
    asked = Asked(
        index=index,
        wants=tuple(Want(_at_least(pin), f"-r {name}") for pin in pins),
        kept=tuple(pins),
        requires_python=lock.requires_python,
        held_only=held_only,
    )
    return (await resolved(context, asked)).pins


def _at_least(pin: Pin) -> Requirement:
    extras = f"[{','.join(pin.extras)}]" if pin.extras else ""
    marker = f" ; {pin.marker}" if pin.marker else ""
    # A local version is ordered by == alone.
    operator = "==" if "+" in pin.version else ">="
    return Requirement(f"{pin.project}{extras}{operator}{pin.version}{marker}")


def _take(
    made: Fixing, lock: Lock, name: str, texts: Mapping[str, str], chosen: Sequence[Pin], several: set[ProjectName]
) -> None:
    """Put what was chosen into the files; nothing is changed where one of them cannot be edited."""
    old = {pin.project: pin for pin in lock.pins}
    changed = [pin for pin in chosen if pin.project in old and not _same(old[pin.project], pin)]
    for pin in changed:
        if pin.project in several or sum(one.project == pin.project for one in chosen) > 1:
            made.problems.append(f"{name}: {pin.project} would need several entries: raise it by hand")
            return
    new = [pin for pin in chosen if pin.project not in old]
    hashed = any(pin.hashes for pin in lock.pins)
    try:
        for document in dict.fromkeys(old[pin.project].document or name for pin in changed):
            here = [pin for pin in changed if (old[pin.project].document or name) == document]
            made.texts[document] = _edited(texts[document], document, [(old[pin.project], pin) for pin in here])
    except Invalid as error:
        made.texts.clear()
        made.problems.append(error.sentence)
        return
    if new:
        entries = [pin if hashed else replace(pin, files=()) for pin in new]
        text = made.texts.get(name, texts[name])
        text += "" if not text or text.endswith("\n") else "\n"
        made.texts[name] = text + write_requirements(Lock(LockKind.REQUIREMENTS, tuple(entries)))
    made.upgrades += [Upgrade(pin.project, old[pin.project].version, pin.version, []) for pin in changed]
    made.upgrades += [Upgrade(pin.project, "", pin.version, []) for pin in new]


def _same(old: Pin, new: Pin) -> bool:
    return bool(old.origin) or not old.version or Requirement(f"x=={old.version}").specifier.contains(new.version, True)


def _edited(text: str, name: str, pairs: Sequence[tuple[Pin, Pin]]) -> str:
    """Return a requirements file with other versions, and with their hashes where the entries have some.

    Raises:
        Invalid: an entry is written in a way that cannot be edited.
    """
    lines = text.splitlines(keepends=True)
    for old, new in pairs:
        line = lines[old.line - 1]
        written = re.compile(rf"(===?\s*){re.escape(old.version)}(?![\w.!+*-])")
        if not written.search(line):
            raise Invalid(f"{name}: line {old.line}: {old.project} is written in a way that cannot be edited")
        lines[old.line - 1] = written.sub(lambda found, v=new.version: found[1] + v, line, count=1)  # type: ignore[misc]
    edits = {old.line: Edit(add=new.hashes, drop=old.hashes) for old, new in pairs if old.hashes}
    return edit_hashes("".join(lines), name, edits)
