"""What a policy would have refused of what was downloaded and asked for, and what would have come instead."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec
from packaging.version import InvalidVersion, Version

from affineur.errors import Invalid, NotFound, UpstreamUnavailable
from affineur.model.decisions import Decision
from affineur.model.files import File, Page
from affineur.model.names import ProjectName, normalize
from affineur.model.printable import printable_lines
from affineur.operations.context import Context
from affineur.operations.fields import CENTURY, number
from affineur.operations.operation import file_option, option
from affineur.operations.policies import proposed
from affineur.policy.gate import sentence_of
from affineur.policy.policies import Policy, read_policy
from affineur.sources.gated import Gated
from affineur.standards.requirement_lists import read_requirement_list
from affineur.storage.catalog import usage
from affineur.storage.catalog.usage import Asked, Requested

_MOST_NAMES = 20
_AT_ONCE = 500
"""Files whose downloads are looked at together."""


class Rehearse(msgspec.Struct, frozen=True):
    """Judge what was downloaded in the last days, or a lock file, by a policy that is not in force yet."""

    file: Annotated[str, msgspec.Meta(description="The new policy (TOML): a configuration, or one policy's keys.",
                                      extra={"positional": True, "file": True})]  # fmt: skip
    days: Annotated[float, number("How many days back.", 0, CENTURY)] = 30.0
    index: Annotated[str, option("The index whose downloads are judged; empty: the default one.")] = ""
    policy: Annotated[str, option("Which of the file's policies; empty: that of the index, or the only one.")] = ""
    lock: Annotated[str, file_option("Judge the pins of this lock file instead of the record of downloads.")] = ""


class WouldRefuse(msgspec.Struct, frozen=True):
    """A file that would have been refused."""

    project: str
    version: str
    filename: str
    rule: str
    sentence: str
    times: int
    """How often it was asked for at a moment at which it would have been refused."""
    first: datetime | None
    last: datetime | None
    people: list[str]
    """The principals who asked; "" is nobody in particular."""
    clients: list[str]
    instead: str
    """The newest version that would have passed at the first of these moments; empty: none."""


class WouldAffect(msgspec.Struct, frozen=True):
    """Requests for a project's page that would have led elsewhere."""

    project: str
    version: str
    """What an installer would have taken then, and would have been refused; empty: the project has no files."""
    whole: bool
    """Whether the project would have been refused as a whole."""
    rule: str
    sentence: str
    times: int
    first: datetime | None
    last: datetime | None
    people: list[str]
    clients: list[str]
    instead: str
    """What it would have taken instead; empty: nothing."""


class Rehearsed(msgspec.Struct, frozen=True):
    """What came of a rehearsal."""

    policy: str
    revision: str
    since: datetime | None
    requests: int
    refused: int
    files: list[WouldRefuse]
    unjudged: list[str]
    """What of a lock file could not be judged, with the reason."""
    page_requests: int = 0
    pages_affected: int = 0
    pages: list[WouldAffect] = []


@dataclass
class _Tally:
    """The requests for one file, or for one page, that would have been refused."""

    rule: str
    sentence: str
    instead: str
    times: int = 0
    moments: list[datetime] = field(default_factory=list)
    people: set[str] = field(default_factory=set)
    clients: set[str] = field(default_factory=set)

    def add(self, asked: Asked) -> None:
        """Add requests to it."""
        self.times += asked.times
        self.moments += [asked.first, asked.last]
        self.people.add(asked.principal)
        self.clients.add(asked.client)


async def rehearse(context: Context, request: Rehearse) -> Rehearsed:
    """Replay the record of downloads and page requests, each at its moment, or judge a lock file's pins as of now.

    Advisories and waivers count as they are known today.

    Raises:
        Invalid: the policy or the lock file cannot be read.
        InvalidConfig: with every problem of the policy.
        IndexUnknown: the index is not configured.
    """
    gated = context.index(request.index or context.config.default_index)
    policy = _policy(context, request, gated)
    other = gated.under(policy)
    if request.lock:
        return await _of_lock(context, other, policy, request.lock)
    since = datetime.now(UTC) - timedelta(days=request.days)
    found: list[WouldRefuse] = []
    requests = refused = 0
    files = await context.catalog.read(usage.of_index, gated.name, since)
    done = 0
    for part in _parts(files):
        asked = await context.catalog.read(usage.asked, part, since)
        for project, group in asked.items():
            context.progress(done, len(files), project)
            requests += sum(one.times for one in group)
            rows = await _of_project(other, ProjectName(project), group)
            refused += sum(row.times for row in rows)
            found += rows
        done += len(part)
    found.sort(key=lambda row: (-row.times, row.filename))
    asked_for, pages = await _of_pages(context, gated, other, since)
    affected = sum(row.times for row in pages)
    return Rehearsed(policy.name, policy.revision, since, requests, refused, found, [], asked_for, affected, pages)


async def _of_pages(context: Context, gated: Gated, other: Gated, since: datetime) -> tuple[int, list[WouldAffect]]:
    """Replay the page requests; return how many there were, and what of them would have led elsewhere."""
    projects = await context.catalog.read(usage.pages_of_index, gated.name, since)
    requests, found = 0, []
    for start in range(0, len(projects), _AT_ONCE):
        part = projects[start : start + _AT_ONCE]
        asked = await context.catalog.read(usage.pages_asked, gated.name, part, since)
        for done, (project, group) in enumerate(asked.items(), start):
            context.progress(done, len(projects), f"page of {project}")
            requests += sum(one.times for one in group)
            found += await _of_page(gated, other, ProjectName(project), group)
    return requests, sorted(found, key=lambda row: (-row.times, row.project, row.version))


async def _of_page(gated: Gated, other: Gated, project: ProjectName, group: list[Asked]) -> list[WouldAffect]:
    """Judge what those who asked for a page would have been led to, hour by hour."""
    try:
        page = await other.source.held(project)
    except NotFound:
        return await _of_name(other, project, group)
    before, after = _Replay(page, await gated.at_moments(page)), _Replay(page, await other.at_moments(page))
    tallies: dict[tuple[str, bool], _Tally] = {}
    for one in sorted(group, key=lambda asked: asked.first):
        file = before.newest(one.first)
        if file is None or not (decision := after.decision(file, one.first)).objectionable:
            continue
        verdict = decision.strictest
        tally = tallies.get((file.version, verdict.whole))
        if tally is None:
            instead = after.newest(one.first)
            tally = _Tally(verdict.rule, sentence_of(verdict), instead.version if instead else "")
            tallies[file.version, verdict.whole] = tally
        tally.add(one)
    return [_affected(project, *key, tally) for key, tally in tallies.items()]


async def _of_name(other: Gated, project: ProjectName, group: list[Asked]) -> list[WouldAffect]:
    """Judge a name that nothing is held of: by the name alone."""
    buried = await other.buried(project, datetime.now(UTC))
    if buried is None or buried.whole is None:
        return []
    verdict = buried.whole.strictest
    tally = _Tally(verdict.rule, sentence_of(verdict), verdict.hint)
    for one in group:
        tally.add(one)
    return [_affected(project, "", True, tally)]


def _affected(project: ProjectName, version: str, whole: bool, tally: _Tally) -> WouldAffect:
    return WouldAffect(
        project, version, whole, tally.rule, tally.sentence, tally.times, min(tally.moments, default=None),
        max(tally.moments, default=None), sorted(tally.people)[:_MOST_NAMES], sorted(tally.clients)[:_MOST_NAMES],
        tally.instead,
    )  # fmt: skip


def _parts(files: list[Requested]) -> Iterable[list[Requested]]:
    """Divide files that are sorted by project into parts of a bounded size that hold whole projects."""
    part: list[Requested] = []
    for _, of_project in itertools.groupby(files, lambda file: file.project):
        part += of_project
        if len(part) >= _AT_ONCE:
            yield part
            part = []
    if part:
        yield part


def _policy(context: Context, request: Rehearse, gated: Gated) -> Policy:
    tables, config = proposed(context.config, request.file, gated.gate.policy.name)
    name = request.policy or (gated.gate.policy.name if gated.gate.policy.name in tables else next(iter(tables), ""))
    if name not in tables or (not request.policy and name != gated.gate.policy.name and len(tables) > 1):
        raise Invalid(f"which policy? the file has {', '.join(tables) or 'none'}: say --policy")
    return read_policy(name, tables[name], config)


class _Replay:
    """A page judged file by file, at moments that only go forward; a decision is taken again when time changes it."""

    def __init__(self, page: Page, decide: Callable[[File, datetime], Decision]) -> None:
        self.page, self._decide = page, decide
        self._standing: dict[str, Decision] = {}
        self._newest: dict[bool, list[tuple[Version, File]]] = {}

    def decision(self, file: File, moment: datetime) -> Decision:
        """Return the decision about a file at a moment no earlier than those before."""
        standing = self._standing.get(file.filename)
        if standing is None or (standing.changes_at is not None and moment >= standing.changes_at):
            standing = self._standing[file.filename] = self._decide(file, moment)
        return standing

    def newest(self, moment: datetime) -> File | None:
        """Return what an installer would have taken without a pin: a wheel where one passes, else an sdist."""
        return self._passing(moment, wheels=True) or self._passing(moment, wheels=False)

    def instead(self, refused: File, moment: datetime) -> str:
        """Return the newest version that was there and passes, of the same kind of file; "" where there is none."""
        found = self._passing(moment, wheels=refused.is_wheel)
        return str(Version(found.version)) if found is not None else ""

    def _passing(self, moment: datetime, *, wheels: bool) -> File | None:
        if wheels not in self._newest:
            self._newest[wheels] = self._sorted(wheels=wheels)
        for _, file in self._newest[wheels]:
            there = file.upload_time is None or file.upload_time <= moment
            if there and not self.decision(file, moment).objectionable:
                return file
        return None

    def _sorted(self, *, wheels: bool) -> list[tuple[Version, File]]:
        """Return the files that an installer would take without a pin: final ones first, newest first."""
        rows = [
            (version, file)
            for file in self.page.files
            if file.is_wheel == wheels and not file.yanked and (version := _version(file.version)) is not None
        ]
        return sorted(rows, key=lambda row: (not row[0].is_prerelease, row[0]), reverse=True)


async def _of_project(other: Gated, project: ProjectName, group: list[Asked]) -> list[WouldRefuse]:
    """Judge a project's downloads, in the order of time."""
    try:
        page = await other.source.held(project)
    except NotFound:
        return []
    replay = _Replay(page, await other.at_moments(page))
    files = {file.filename: file for file in page.files}
    tallies: dict[str, _Tally] = {}
    for one in sorted(group, key=lambda asked: asked.first):
        file = files.get(one.filename)
        if file is None or not (decision := replay.decision(file, one.first)).objectionable:
            continue
        tally = tallies.get(one.filename)
        if tally is None:
            verdict = decision.strictest
            tally = _Tally(verdict.rule, sentence_of(verdict), replay.instead(file, one.first))
            tallies[one.filename] = tally
        tally.add(one)
    return [_row(project, files[name], tally) for name, tally in tallies.items()]


def _row(project: ProjectName, file: File, tally: _Tally) -> WouldRefuse:
    return WouldRefuse(
        project, file.version, file.filename, tally.rule, tally.sentence, tally.times,
        min(tally.moments, default=None), max(tally.moments, default=None), sorted(tally.people)[:_MOST_NAMES],
        sorted(tally.clients)[:_MOST_NAMES], tally.instead,
    )  # fmt: skip


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


async def _of_lock(context: Context, other: Gated, policy: Policy, text: str) -> Rehearsed:
    pins, unjudged = _pins(text)
    now = datetime.now(UTC)
    found: list[WouldRefuse] = []
    for done, (project, version) in enumerate(pins):
        context.progress(done, len(pins), project)
        try:
            page = (await other.screened(project)).page
        except (NotFound, UpstreamUnavailable) as error:
            unjudged.append(f"{project}=={version}: {error.sentence}")
            continue
        files = [file for file in page.files if file.tombstone or _version(file.version) == version]
        if not files:
            unjudged.append(f"{project}=={version}: there is no such release")
        replay = _Replay(page, await other.at_moments(page))
        for file in files:
            if (decision := replay.decision(file, now)).objectionable:
                verdict = decision.strictest
                tally = _Tally(verdict.rule, sentence_of(verdict), replay.instead(file, now), 1)
                found.append(_row(project, file, tally))
    refused = len({(row.project, row.version) for row in found})
    return Rehearsed(policy.name, policy.revision, None, len(pins), refused, found, unjudged)


def _pins(text: str) -> tuple[list[tuple[ProjectName, Version]], list[str]]:
    """Return the pins of a requirements file or of a lock file, and what in it is none, with the reason.

    Raises:
        InvalidDocument: it cannot be read.
    """
    read = read_requirement_list(text, "--lock")
    pins: list[tuple[ProjectName, Version]] = []
    others = [f"{part}: it is no project of an index" for part in read.left_out if not part.startswith("-")]
    for requirement in read.requirements:
        named = [_version(pin.version) for pin in requirement.specifier if pin.operator in {"==", "==="}]
        versions = [version for version in named if version is not None]
        pins += [(normalize(requirement.name), version) for version in versions]
        if not versions:
            others.append(f"{requirement.name}{requirement.specifier}: it names no version")
    return pins, others


def say(made: Rehearsed) -> str:
    """Tell a rehearsal on a terminal."""
    what = f"{made.requests} downloads since {made.since:%Y-%m-%d}" if made.since else f"{made.requests} pins"
    lines = [f"policy {made.policy}, revision {made.revision}: {made.refused} of {what} would have been refused"]
    for row in made.files:
        lines.append(f"{row.filename}: {row.times} time{'' if row.times == 1 else 's'}, {row.sentence}")
        who = ", ".join(name or "nobody in particular" for name in row.people)
        lines.append(f"  by {who or 'the lock file'}; instead: {row.instead or 'nothing'}")
    lines += [f"NOT JUDGED: {text}" for text in made.unjudged]
    if made.page_requests:
        what = f"{made.page_requests} page requests"
        lines.append(f"{made.pages_affected} of {what} would have led elsewhere")
    for page in made.pages:
        name = f"{page.project} as a whole" if page.whole else f"{page.project} {page.version}"
        lines.append(f"{name}: {page.times} time{'' if page.times == 1 else 's'}, {page.sentence}")
        who = ", ".join(person or "nobody in particular" for person in page.people)
        lines.append(f"  asked for by {who}; instead: {page.instead or 'nothing'}")
    return printable_lines(lines)
