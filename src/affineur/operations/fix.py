"""The smallest set of upgrades that clears what an audit found, resolved through the gate and put into the file."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import quote

import msgspec
from packaging.requirements import Requirement

from affineur.errors import Invalid, Unresolvable
from affineur.model.advisories import canonical
from affineur.model.locks import Lock, LockKind, Pin
from affineur.model.names import ProjectName
from affineur.operations.context import Context
from affineur.operations.findings import Looked, nearest
from affineur.operations.resolve import Asked, resolved
from affineur.standards.audits.report import Upgrade
from affineur.standards.locks.edit_pylock import edit_pylock
from affineur.standards.locks.edit_requirements import Edit, edit_hashes
from affineur.standards.locks.write_requirements import write_requirements
from affineur.standards.wanted import Want

_NEWEST = " (to the newest that the project allows: limit it there to stay lower)"
_TOOLS = {
    LockKind.POETRY: "poetry update --lock {names}" + _NEWEST,
    LockKind.UV: "uv lock {upgrades}",
    LockKind.PDM: "pdm update --no-sync {names}" + _NEWEST,
    LockKind.PIPFILE: "pipenv upgrade {pins} (which puts them into the Pipfile too)",
}
"""The commands with which other formats are raised by their own tools: the smallest step that each can be told."""


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
    address: str = "",
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
        address: the origin of addresses in the file; empty: that of the server.
    """
    made = Fixing()
    raised: dict[ProjectName, str] = {}
    several = {project for project, times in Counter(_releases(lock.pins)).items() if times > 1}
    for pin in wrong:
        version = nearest(looked[pin.project], pin.version)
        if pin.project in several:
            made.problems.append(f"{name}: {pin.project} is pinned to several versions: raise it by hand")
        elif not version:
            made.problems.append(f"{name}: no later {pin.project} than {pin.version} is free of it and passes the gate")
        else:
            raised[pin.project] = version
    if not raised:
        return made
    if lock.kind in _TOOLS:
        made.problems.append(f"{name}: {_by_its_tool(lock.kind, raised)}")
        return made
    stuck = {pin.project: pin.version for pin in lock.pins if pin.project not in raised and not _may_stay(pin, looked)}
    made.problems += [
        f"{name}: {project} {version} cannot be had here: it stays, and what it needs was not looked at"
        for project, version in stuck.items()
    ]
    left = replace(lock, pins=tuple(pin for pin in lock.pins if pin.project not in stuck))
    try:
        chosen = await _resolved(context, index, left, name, raised, held_only=held_only, address=address)
    except Unresolvable as error:
        made.problems.append(f"{name}: it cannot be raised: {' '.join(error.sentence.split())}")
        return made
    _take(made, lock, name, texts, chosen)
    made.upgrades = [_with_clears(upgrade, looked) for upgrade in made.upgrades]
    return made


def _may_stay(pin: Pin, looked: Mapping[ProjectName, Looked]) -> bool:
    """Whether the release of a pin, or a later one, can be had through the gate, as far as that is known."""
    about = looked.get(pin.project)
    if not pin.version or pin.origin or about is None or (about.page is None and not about.absent):
        return True
    if about.decide is None:
        return False
    passes = any(not about.decide(file).refused for file in about.files(pin.version))
    return passes or bool(nearest(about, pin.version, lambda _: False))


def _with_clears(upgrade: Upgrade, looked: Mapping[ProjectName, Looked]) -> Upgrade:
    """Return an upgrade with the holes that go away by it."""
    if not upgrade.old_version:
        return upgrade
    known = looked[ProjectName(upgrade.name)].advisories
    old, left = upgrade.old_version, known.of(upgrade.new_version)
    cleared = [hole.told_of(old) for hole in known.of(old) if hole not in left]
    return msgspec.structs.replace(upgrade, clears=[hole.advisory.id for hole in cleared])


def _by_its_tool(kind: LockKind, raised: Mapping[ProjectName, str]) -> str:
    pins = [f"{project}=={version}" for project, version in raised.items()]
    command = _TOOLS[kind].format(
        names=" ".join(raised), pins=" ".join(pins),
        upgrades=" ".join(f"--upgrade-package {pin}" for pin in pins),
    )  # fmt: skip
    return f"the tool that wrote it has to raise {', '.join(pins)}: {command}"


async def _resolved(
    context: Context,
    index: str,
    lock: Lock,
    name: str,
    raised: Mapping[ProjectName, str],
    *,
    held_only: bool,
    address: str,
) -> tuple[Pin, ...]:
    """Return a complete set in which every pin is at least what it was, and those to be raised what they must be.

    Raises:
        Unresolvable: there is none.
    """
    pins = [replace(p, version=raised.get(p.project, p.version)) for p in lock.pins if p.version and not p.origin]
    asked = Asked(
        index=index,
        wants=tuple(Want(_at_least(pin), f"-r {name}") for pin in pins),
        constraints=tuple(_limits(lock, pins, name)),
        kept=tuple(pins),
        requires_python=lock.requires_python,
        held_only=held_only,
        address=address or context.origin,
    )
    home = f"{asked.address.rstrip('/')}/{quote(index)}/simple/"
    return tuple(replace(pin, index=home) for pin in (await resolved(context, asked)).pins)


def _limits(lock: Lock, pins: Sequence[Pin], name: str) -> Iterator[Want]:
    """Yield what constraints ask of what is not pinned."""
    pinned = {pin.project for pin in pins}
    for one in lock.constraints:
        if one.specifier and not one.origin and one.project not in pinned:
            marker = f" ; {one.marker}" if one.marker else ""
            yield Want(Requirement(f"{one.project}{one.specifier}{marker}"), f"-c {one.document or name}")


def _at_least(pin: Pin) -> Requirement:
    extras = f"[{','.join(pin.extras)}]" if pin.extras else ""
    marker = f" ; {pin.marker}" if pin.marker else ""
    # A local version is ordered by == alone.
    operator = "==" if "+" in pin.version else ">="
    return Requirement(f"{pin.project}{extras}{operator}{pin.version}{marker}")


def _releases(pins: Sequence[Pin]) -> Iterator[ProjectName]:
    """Yield the project of each release, as often as it has another version or address."""
    yield from (project for project, _, _ in {(pin.project, canonical(pin.version), pin.origin) for pin in pins})


def _take(made: Fixing, lock: Lock, name: str, texts: Mapping[str, str], chosen: Sequence[Pin]) -> None:
    """Put what was chosen into the files; nothing is changed where one of them cannot be edited."""
    old, new = _by_project(lock.pins), _by_project(chosen)
    pairs: list[tuple[Pin, Pin]] = []
    for project, pins in new.items():
        olds = old.get(project, [])
        if not olds or _stays(olds, pins):
            continue
        if len(pins) > 1 or len(list(_releases(olds))) > 1:
            made.problems.append(f"{name}: {project} would need several entries: raise it by hand")
            return
        pairs += [(one, pins[0]) for one in olds]
    added = [pin for pin in chosen if pin.project not in old]
    try:
        if lock.kind is LockKind.PYLOCK:
            made.texts = {name: _pylock(texts[name], name, lock, pairs, added)}
        else:
            made.texts = _requirements(texts, name, lock, pairs, added)
    except Invalid as error:
        made.problems.append(error.sentence)
        return
    raised = dict.fromkeys((before.project, before.version, after.version) for before, after in pairs)
    made.upgrades += [Upgrade(*one, []) for one in raised]
    made.upgrades += [Upgrade(pin.project, "", pin.version, []) for pin in added]


def _by_project(pins: Sequence[Pin]) -> dict[ProjectName, list[Pin]]:
    found: dict[ProjectName, list[Pin]] = {}
    for pin in pins:
        found.setdefault(pin.project, []).append(pin)
    return found


def _stays(olds: Sequence[Pin], news: Sequence[Pin]) -> bool:
    """Whether what was chosen of a project was pinned before; entries for machines long gone are left alone."""
    return all(any(_same(old, new) for old in olds) for new in news)


def _pylock(text: str, name: str, lock: Lock, pairs: Sequence[tuple[Pin, Pin]], new: Sequence[Pin]) -> str:
    """Return a pylock.toml with other releases; what is new is wanted by the groups that want what asks for it."""
    changed = {old: replace(pin, marker=old.marker, groups=old.groups) for old, pin in pairs}
    wanted = {pin.project: pin.groups for pin in lock.pins}
    left = {pin.project: pin for pin in new}
    added = []
    while left:
        # What asks for an entry comes before it; of a ring, any.
        pin = left.pop(next((p for p, pin in left.items() if left.keys().isdisjoint(pin.via)), next(iter(left))))
        asking = [wanted[project] for one in pin.via if (project := ProjectName(one)) in wanted]
        groups = () if not asking or () in asking else tuple(dict.fromkeys(g for some in asking for g in some))
        wanted[pin.project] = groups
        added.append(replace(pin, groups=groups))
    return edit_pylock(text, name, lock, changed, added)


def _requirements(
    texts: Mapping[str, str], name: str, lock: Lock, pairs: Sequence[tuple[Pin, Pin]], new: Sequence[Pin]
) -> dict[str, str]:
    """Return the requirements files that change; what is new stands at the end of the first."""
    made: dict[str, str] = {}
    for document in dict.fromkeys(old.document or name for old, _ in pairs):
        here = [(old, pin) for old, pin in pairs if (old.document or name) == document]
        made[document] = _edited(texts[document], document, here)
    if new:
        hashed = any(pin.hashes for pin in lock.pins)
        entries = [replace(pin, index="", files=pin.files if hashed else ()) for pin in new]
        text = made.get(name, texts[name])
        text += "" if not text or text.endswith("\n") else "\n"
        made[name] = text + write_requirements(Lock(LockKind.REQUIREMENTS, tuple(entries)))
    return made


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
