"""Why a file may or may not be had: every rule with its verdict, and the facts it used."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion, Version

from affineur.errors import FileUnknown, Invalid, NotFound, UpstreamUnavailable
from affineur.model.advisories import parsed
from affineur.model.decisions import Decision, Effect, Verdict
from affineur.model.filenames import candidate_projects, is_filename
from affineur.model.files import File
from affineur.model.names import ProjectName, project_name
from affineur.model.printable import printable
from affineur.operations.context import Context
from affineur.operations.operation import argument, file_option, option
from affineur.policy.gate import Screened, sentence_of
from affineur.policy.judge import NEVER_WAIVED
from affineur.policy.policies import Policy
from affineur.sources.gated import Gated
from affineur.standards.requirement_lists import read_requirement_list


class Why(msgspec.Struct, frozen=True):
    """Say why files may or may not be had: a requirement, a file name, or a requirements file."""

    what: Annotated[tuple[str, ...], argument("Requirements (requests==2.31.0) or file names.")] = ()
    requirements: Annotated[str, file_option("A requirements file.", "-r")] = ""
    index: Annotated[str, option("The index; empty: the default one.")] = ""


class ToldFinding(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something a rule found, with its place."""

    what: str
    where: str = ""
    line: int = 0
    text: str = ""


class ToldVerdict(msgspec.Struct, frozen=True):
    """What one rule says."""

    rule: str
    effect: str
    sentence: str = ""
    until: datetime | None = None
    waiver: str = ""
    findings: tuple[ToldFinding, ...] = ()


class Explained(msgspec.Struct, frozen=True):
    """A decision with everything that led to it."""

    id: str
    index: str
    project: str
    filename: str
    version: str
    decision: str
    """allowed, warned, held or denied; "pending" where a rule speaks once it has seen the content; "unknown" where
    there is no such file."""
    sentence: str
    """What refuses the file, or that it is unknown, in a sentence; empty where it may be had."""
    changes_at: datetime | None
    policy: str
    revision: str
    watched: bool
    """Whether the policy only watches, so that nothing is refused."""
    judged_at: datetime
    verdicts: tuple[ToldVerdict, ...]
    source: str
    upload_time: datetime | None
    upload_time_source: str
    first_seen: datetime | None
    sha256: str
    size: int | None
    yanked_by_author: str
    """The author's own yank with its reason; empty where there is none."""
    waiver: str
    """The command that asks for an exception; empty where none is needed or possible."""


async def why(context: Context, request: Why) -> list[Explained]:
    """Explain the decisions about files, also of projects never asked for before.

    Of several things asked about, those that nobody has are told among the others.

    Raises:
        Invalid: something is neither a requirement nor a file name, or the file cannot be read.
        NotFound: nobody has any of it.
        UpstreamUnavailable: none of it is held here, and the upstream does not answer.
        IndexUnknown: the index is not configured.
    """
    gated = context.index(request.index or context.config.default_index)
    listed = read_requirement_list(request.requirements, "-r").requirements if request.requirements else ()
    wanted = [*request.what, *(f"{one.name}{one.specifier}" for one in listed)]
    if not wanted:
        raise Invalid("what? name a requirement such as requests==2.31.0, a file name, or a file with -r")
    made: list[Explained] = []
    failed: list[NotFound | UpstreamUnavailable] = []
    for done, text in enumerate(wanted):
        context.progress(done, len(wanted), text)
        try:
            made += await _explained_all(gated, text)
        except (NotFound, UpstreamUnavailable) as error:
            failed.append(error)
            made.append(_unknown(gated, text, error.sentence))
    if len(failed) == len(wanted):
        raise failed[0]
    await context.journal.write()
    return made


async def _explained_all(gated: Gated, text: str) -> list[Explained]:
    if is_filename(text):
        return [await _by_filename(gated, text)]
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        raise Invalid(f"{text!r} is neither a requirement nor a file name") from error
    if requirement.url is not None:
        raise Invalid(f"{text!r} is an address, not a project of an index")
    screened = await gated.screened(project_name(requirement.name))
    files = _files_of(screened, requirement)
    if not files:
        raise NotFound(f"{text}: {gated.name} has no such release of {screened.page.project}")
    return [explained(gated.gate.policy, screened, file) for file in files]


async def _by_filename(gated: Gated, filename: str) -> Explained:
    for project in candidate_projects(filename):
        try:
            screened = await gated.screened(project)
        except NotFound:
            continue
        listed = screened.page.file(filename) or next((f for f in screened.page.files if f.tombstone), None)
        if listed is not None:
            return explained(gated.gate.policy, screened, listed)
    raise FileUnknown(filename, gated.name)


def _version(file: File) -> Version:
    try:
        return Version(file.version)
    except InvalidVersion:
        return Version("0")


def _files_of(screened: Screened, requirement: Requirement) -> list[File]:
    """Return the files a requirement is about, newest first: what an installer would take, and every newer refusal.

    An exact pin is about all files of its release, whatever becomes of them.
    """
    files = sorted(screened.page.files, key=lambda file: (_version(file), file.filename), reverse=True)
    if any(file.tombstone for file in files):
        return files
    files = [file for file in files if requirement.specifier.contains(_version(file), prereleases=True)]
    chosen: list[File] = []
    newest: Version | None = None
    for file in files:
        version = _version(file)
        if newest is not None and version != newest:
            break
        chosen.append(file)
        if newest is None and file.filename not in screened.refused and not version.is_prerelease:
            newest = version
    return chosen


def explained(policy: Policy, screened: Screened, file: File) -> Explained:
    """Return the decision about a file of a judged page, with every rule that was asked."""
    decision = screened.decisions[file.filename]
    page = screened.page
    return Explained(
        id=decision.id,
        index=decision.index,
        project=page.project,
        filename=file.filename,
        version=file.version,
        decision=_word(decision),
        sentence=sentence_of(decision.strictest) if decision.objectionable else "",
        changes_at=decision.changes_at,
        policy=policy.name,
        revision=decision.revision,
        watched=decision.watched,
        judged_at=decision.at,
        verdicts=tuple(_told(policy, page.project, decision.verdicts)),
        source=page.source,
        upload_time=None if file.tombstone else file.upload_time,
        upload_time_source="" if file.tombstone else (file.upload_time_source or ""),
        first_seen=None if file.tombstone else file.first_seen,
        sha256=file.sha256 or "",
        size=file.size,
        yanked_by_author=(file.yanked_reason or "yes") if file.yanked else "",
        waiver=_way_out(decision, file),
    )


def _unknown(gated: Gated, text: str, sentence: str) -> Explained:
    """Return what is told of something that nobody has, among other things that were asked about."""
    policy = gated.gate.policy
    return Explained(
        id="", index=gated.name, project="", filename=text, version="", decision="unknown", sentence=sentence,
        changes_at=None, policy=policy.name, revision=policy.revision, watched=False, judged_at=datetime.now(UTC),
        verdicts=(), source="", upload_time=None, upload_time_source="", first_seen=None, sha256="", size=None,
        yanked_by_author="", waiver="",
    )  # fmt: skip


def _word(decision: Decision) -> str:
    if decision.objectionable:
        return "denied" if decision.strictest.effect is Effect.DENY else "held"
    if decision.strictest.effect is Effect.WARN:
        return "warned"
    return "pending" if decision.pending else "allowed"


def _told(policy: Policy, project: ProjectName, verdicts: Iterable[Verdict]) -> Iterable[ToldVerdict]:
    said = {verdict.rule: verdict for verdict in verdicts}
    for rule in policy.rules_for(project):
        verdict = said.get(rule.name)
        if verdict is None:
            yield ToldVerdict(rule.name, "allow")
            continue
        findings = tuple(ToldFinding(f.what, f.where, f.line, f.text) for f in verdict.findings)
        yield ToldVerdict(rule.name, verdict.effect.word, verdict.sentence, verdict.until, verdict.waiver, findings)


def _way_out(decision: Decision, file: File) -> str:
    """Return the command that asks for a waiver of what refuses the file."""
    verdict = decision.strictest
    if not decision.objectionable or verdict.rule in NEVER_WAIVED:
        return ""
    release = f"{decision.project}=={file.version}" if parsed(file.version) is not None else file.filename
    scope = decision.project if verdict.whole else release
    return f"affineur waiver ask {scope} --rule {verdict.rule} --index {decision.index} --reason '...'"


def say(decisions: list[Explained]) -> str:
    """Tell decisions on a terminal."""
    return "\n\n".join("\n".join(_spoken(decision)) for decision in decisions)


def _spoken(one: Explained) -> Iterable[str]:
    yield f"{one.filename} in {one.index}: {one.decision}" + (" (the policy only watches)" if one.watched else "")
    if one.sentence:
        yield f"  {printable(one.sentence)}"
    if one.changes_at is not None:
        yield f"  changes by time alone at {one.changes_at:%Y-%m-%d %H:%M} UTC"
    if one.upload_time is not None:
        yield f"  uploaded {one.upload_time:%Y-%m-%d %H:%M} UTC (by {one.upload_time_source}), from {one.source}"
    for verdict in one.verdicts:
        lifted = f" (lifted by {verdict.waiver})" if verdict.waiver else ""
        yield f"  {verdict.rule:<16} {verdict.effect:<9} {printable(verdict.sentence)}{lifted}".rstrip()
        for finding in verdict.findings:
            place = (
                f"{finding.where}:{finding.line}: " if finding.line else (f"{finding.where}: " if finding.where else "")
            )
            yield f"  {'':<26} - {printable(place + finding.what)}"
    if one.waiver:
        yield f"  to ask for an exception: {one.waiver}"
    if one.id:
        yield f"  policy {one.policy}, revision {one.revision}; decision {one.id}"
