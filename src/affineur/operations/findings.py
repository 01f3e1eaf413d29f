"""What is wrong with an entry of a lock, or with the file as a whole, by what is known of it; pure."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from operator import itemgetter
from urllib.parse import unquote, urlsplit, urlunsplit

from packaging.version import Version

from affineur.model.advisories import ProjectAdvisories, canonical, parsed
from affineur.model.advisories import Vulnerability as Hole
from affineur.model.decisions import Decision, Effect, Verdict
from affineur.model.filenames import version_in
from affineur.model.files import File, Page, Status
from affineur.model.locks import Lock, LockKind, Pin
from affineur.model.names import ProjectName, normalize
from affineur.standards.audits.report import ERROR, NOTE, WARNING, Finding, Unchecked, Vulnerability

_COVERED = frozenset({"vulnerabilities", "known_malware", "status"})
"""Rules whose matter the audit tells by itself."""
_ABOUT_PUBLIC = frozenset({"vulnerabilities", "known_malware"})
"""Those of them that the audit tells of public projects alone."""
_KINDS = {"lookalikes": "look-alike", "stdlib_names": "look-alike", "advice": "outdated", "licences": "licence"}
"""The kinds of findings that rules give by a name of their own."""
_WEAK = frozenset({"md5", "sha1"})
_ENTRY = re.compile(r'\s*(?:name\s*=\s*"([A-Za-z0-9._-]+)"|"([A-Za-z0-9._-]+)"\s*:\s*\{)')
"""The line that names an entry of a lock in TOML, or in JSON."""
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
Row = Finding | Unchecked


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry of a file, which findings are about."""

    pin: Pin
    filename: str

    def finding(
        self, kind: str, level: str, sentence: str, *, rule: str = "", until: datetime | None = None
    ) -> Finding:
        return Finding(
            kind, level, sentence, self.pin.project, self.pin.version, self.filename, self.pin.line, rule, until
        )

    def unchecked(self, kind: str, sentence: str) -> Unchecked:
        return Unchecked(kind, sentence, self.pin.project, self.pin.version, self.filename, self.pin.line)

    def by_rule(self, verdict: Verdict, level: str, sentence: str) -> Finding:
        kind = _KINDS.get(verdict.rule, "policy")
        return self.finding(kind, level, sentence, rule=verdict.rule, until=verdict.until)


@dataclass(frozen=True)
class Looked:
    """What is known of a project at the time of an audit."""

    advisories: ProjectAdvisories
    page: Page | None = None
    """Its listing; None: there is none, or it could not be had."""
    absent: bool = False
    """Whether nobody has a project of that name."""
    problem: str = ""
    """Why the listing could not be had, or is too old to rely on; empty: it could, and is not."""
    current: bool = False
    """Whether the listing was asked for just now, so that what is not on it does not exist."""
    decide: Callable[[File], Decision] | None = None
    """The gate's decision about a file of the listing."""
    verdicts: tuple[Verdict, ...] = ()
    """What is to be said of the project whatever the index's policy asks."""

    @cached_property
    def _by_version(self) -> dict[str, list[File]]:
        found: dict[str, list[File]] = {}
        for file in self.page.files if self.page is not None else ():
            found.setdefault(canonical(file.version), []).append(file)
        return found

    @cached_property
    def ordered(self) -> list[tuple[Version, list[File]]]:
        """The versions of the listing that can be ordered, in order, with their files that are not yanked."""
        found = {
            version: [file for file in files if not file.yanked]
            for files in self._by_version.values()
            if (version := parsed(files[0].version)) is not None
        }
        return sorted(((version, files) for version, files in found.items() if files), key=itemgetter(0))

    def files(self, version: str) -> list[File]:
        """Return the files of a version."""
        return self._by_version.get(canonical(version), [])


@dataclass
class Pending:
    """Which rules have not seen the content of how many releases."""

    releases: dict[str, set[str]] = field(default_factory=dict)

    def note(self, rule: str, release: str) -> None:
        """Take note of one."""
        self.releases.setdefault(rule, set()).add(release)

    def findings(self) -> Iterator[Finding]:
        """Yield a note for each rule."""
        for rule, releases in sorted(self.releases.items()):
            text = (
                f"{rule} has not judged {len(releases)} of the releases: it does when their files are first asked for"
            )
            yield Finding("pending", NOTE, text, rule=rule)


def vulnerabilities(
    pin: Pin, looked: Looked, describe: Callable[[Hole], str] = lambda hole: hole.advisory.details
) -> list[Vulnerability]:
    """Return the holes of a pinned release, each once, the worst first."""
    if looked.page is not None and looked.page.owned:
        # Records name projects of the public index; a private one may bear the name of something else.
        return []
    # Records of one hole may differ about a version: those that do not name it say nothing about it.
    holes = [(hole.told_of(pin.version), hole) for hole in looked.advisories.of(pin.version)]
    holes.sort(key=lambda pair: (-pair[0].severity, pair[0].advisory.id))
    return [_told(hole, whole, pin.version, looked, describe(hole)) for hole, whole in holes]


def _told(hole: Hole, whole: Hole, version: str, looked: Looked, description: str) -> Vulnerability:
    ordered = parsed(version)
    later = [str(fix) for fix in hole.free if ordered is None or fix > ordered]
    return Vulnerability(
        id=hole.advisory.id,
        aliases=[name for name in hole.ids if name != hole.advisory.id],
        fix_versions=later,
        description=description or hole.advisory.summary,
        kind="malware" if hole.is_malware else "vulnerability",
        severity=hole.severity.word,
        summary=hole.advisory.summary,
        link=hole.advisory.link,
        nearest=nearest(looked, version, lambda holes: any(one is whole for one in holes)),
    )


def nearest(looked: Looked, version: str, has: Callable[[Sequence[Hole]], bool] = bool) -> str:
    """Return the nearest later version whose holes are not what is meant, and that the gate lets through today.

    `has` is given the holes of a version and tells whether what is meant is among them: any, if it is left out.

    Pre-releases count where the version is one itself. "": there is none, or nothing is known.
    """
    wanted = parsed(version)
    if looked.decide is None or wanted is None:
        return ""
    for candidate, files in looked.ordered[bisect_right(looked.ordered, wanted, key=itemgetter(0)) :]:
        if candidate.is_prerelease and not wanted.is_prerelease:
            continue
        spelt = files[0].version
        if not has(looked.advisories.of(spelt)) and any(not looked.decide(file).refused for file in files):
            return str(candidate)
    return ""


def of_pin(pin: Pin, looked: Looked, filename: str, pending: Pending) -> Iterator[Row]:
    """Yield what is wrong with an entry besides vulnerabilities, and what could not be checked of it."""
    entry = _Entry(pin, filename)
    yield from _origin(pin, entry)
    if not pin.version and not pin.origin:
        how = f"{pin.specifier} is no pin" if pin.specifier else "it is not pinned"
        yield entry.unchecked("unpinned", f"{how}: which release is installed is not known")
    elif pin.version and parsed(pin.version) is None:
        yield entry.unchecked("version", f"{pin.version[:80]!r} is no version of PEP 440: it has no place in a range")
    for verdict in looked.verdicts:
        if verdict.effect >= Effect.WARN:
            yield entry.by_rule(verdict, ERROR if verdict.effect > Effect.WARN else WARNING, verdict.sentence)
    if pin.origin or is_own(pin):
        return
    if looked.absent:
        yield entry.finding("unknown-project", ERROR, f"no index known here has a project {pin.project}")
    elif looked.problem:
        yield entry.unchecked("listing", looked.problem)
    if looked.page is not None:
        yield from _listed(pin, looked, looked.page, entry, pending)


def is_own(pin: Pin) -> bool:
    """Whether an entry is the project itself to which the lock belongs."""
    return pin.origin.rstrip("/") in {".", "./.", "file:."}


def _origin(pin: Pin, entry: _Entry) -> Iterator[Row]:
    if is_own(pin) or not (pin.origin or pin.editable):
        return
    address = shown(pin.origin)
    if pin.editable:
        text = f"it is installed as editable from {address or 'a folder'}: what it holds may change at any time"
        yield entry.finding("editable", WARNING, text)
    else:
        yield entry.finding("direct-url", WARNING, f"it comes from {address}, past the index and its gate")
    if not pin.version:
        yield entry.unchecked("direct-url", f"which version {address} holds is not known")


def shown(address: str) -> str:
    """Return an address without credentials and query, in which there may be secrets."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "an address that cannot be read"
    if not parts.netloc:
        return address
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", parts.fragment))


def _listed(pin: Pin, looked: Looked, page: Page, entry: _Entry, pending: Pending) -> Iterator[Row]:
    """Yield what the listing says of an entry."""
    files = looked.files(pin.version) if pin.version else []
    if not any(verdict.waiver for file in files[:1] for verdict in _decided(looked, file) if verdict.rule == "status"):
        yield from _status(page, entry)
    if not pin.version:
        return
    if not files:
        if looked.current:
            yield entry.finding("unknown-release", ERROR, f"{page.source} lists no {pin.project} {pin.version}")
        else:
            text = f"the listing held here has no {pin.project} {pin.version}"
            yield entry.unchecked("listing", text)
        return
    wanted = _wanted(pin, files)
    if not wanted:
        text = f"none of its hashes is that of a file of {pin.project} {pin.version} at {page.source}"
        yield entry.finding("wrong-hash", ERROR, text)
        wanted = files
    yield from _yanked(wanted, entry)
    yield from _gate(pin, looked, page, wanted, entry, pending)


def _decided(looked: Looked, file: File) -> tuple[Verdict, ...]:
    return looked.decide(file).verdicts if looked.decide is not None else ()


def _status(page: Page, entry: _Entry) -> Iterator[Finding]:
    status = page.status
    if status.status is Status.ACTIVE:
        return
    level = ERROR if status.status is Status.QUARANTINED else WARNING
    who = "its owner" if page.owned else "the upstream"
    reason = f": {status.reason}" if status.reason else ""
    yield entry.finding(status.status.value, level, f"{who} marked {page.project} as {status.status.value}{reason}")


def _wanted(pin: Pin, files: Sequence[File]) -> list[File]:
    """Return the files that the entry's hashes let in; all where it has none, or none that can be compared."""
    hashes = set(pin.hashes)
    if not hashes:
        return list(files)
    compared = [file for file in files if any(algorithm in file.hashes for algorithm, _ in hashes)]
    if not compared:
        return list(files)
    return [file for file in compared if not hashes.isdisjoint(file.hashes.items())]


def _yanked(files: Sequence[File], entry: _Entry) -> Iterator[Finding]:
    yanked = [file for file in files if file.yanked]
    if not yanked:
        return
    reason = next((file.yanked_reason for file in yanked if file.yanked_reason), "")
    what = "it" if len(yanked) == len(files) else f"{len(yanked)} of its {len(files)} files"
    verb = "was" if len(yanked) == 1 or what == "it" else "were"
    yield entry.finding("yanked", WARNING, f"{what} {verb} yanked{': ' + reason if reason else ''}")


def _gate(
    pin: Pin, looked: Looked, page: Page, files: Sequence[File], entry: _Entry, pending: Pending
) -> Iterator[Row]:
    """Yield what the gate decides about the files, as far as the audit does not tell it by itself."""
    covered = _COVERED - _ABOUT_PUBLIC if page.owned else _COVERED
    said: dict[tuple[str, Effect], list[Verdict]] = {}
    decisions = [looked.decide(file) for file in files] if looked.decide is not None else []
    for verdict in (verdict for decision in decisions for verdict in decision.verdicts):
        if verdict.effect >= Effect.PENDING and verdict.rule not in covered:
            said.setdefault((verdict.rule, verdict.effect), []).append(verdict)
    for (rule, effect), verdicts in sorted(said.items()):
        first, some = verdicts[0], len(verdicts) < len(decisions)
        text = f"{len(verdicts)} of its {len(decisions)} files: {first.sentence}" if some else first.sentence
        if effect is Effect.PENDING and rule == "licences":
            yield entry.unchecked("licence", "its metadata were not read yet, so its licence is not known")
        elif effect is Effect.PENDING:
            pending.note(rule, f"{pin.project} {pin.version}")
        elif effect is Effect.WARN or decisions[0].watched:
            yield entry.by_rule(first, WARNING, text + (" (the policy only watches)" if effect > Effect.WARN else ""))
        else:
            yield entry.by_rule(first, NOTE if some else ERROR, text)


def of_lock(lock: Lock, texts: Mapping[str, str], filename: str, *, require_hashes: bool, there: bool) -> Iterator[Row]:
    """Yield what is wrong with a file as a whole.

    Args:
        lock: what was read of it, and of those that it names.
        texts: their texts by name.
        filename: its name.
        require_hashes: whether it is a finding that no entry has any.
        there: whether it tells what is there already, so that it needs no hashes.
    """
    if not there:
        yield from _hashes(lock, filename, require_hashes=require_hashes)
    # Other formats name an index for each entry, which pip would not mix.
    for address in lock.extra_index_urls if lock.kind is LockKind.REQUIREMENTS else ():
        sentence = (
            f"--extra-index-url {shown(address)}: pip takes the highest version from any index, so whoever registers "
            "a private name on a public one is installed"
        )
        yield _trap("extra-index-url", sentence, texts, address)
    for address in lock.find_links:
        sentence = f"--find-links {shown(address)}: what lies there comes past the index and its gate"
        yield _trap("find-links", sentence, texts, address)
    for option in lock.options:
        if found := re.match(r"--trusted-host[\s=]+(\S+)", option):
            sentence = f"--trusted-host {found[1]}: the certificate of that host is not checked"
            yield _trap("trusted-host", sentence, texts, "--trusted-host")
    if lock.index_url.lower().startswith("http://") and urlsplit(lock.index_url).hostname not in _LOOPBACK:
        sentence = f"{shown(lock.index_url)}: whoever is on the way can replace what is installed; use https"
        yield _trap("insecure-index", sentence, texts, lock.index_url)
    for sentence in lock.unread:
        yield Unchecked("unread", sentence, file=filename)


def _hashes(lock: Lock, filename: str, *, require_hashes: bool) -> Iterator[Finding]:
    pins = [pin for pin in lock.pins if pin.version and not pin.origin]
    bare = [pin for pin in pins if not pin.hashes]
    if bare and len(bare) == len(pins):
        level = WARNING if require_hashes else NOTE
        sentence = "no entry has a hash: what is installed is not held to the bytes that were looked at"
        yield Finding("missing-hash", level, sentence, file=filename)
    elif bare:
        why = "; pip refuses the whole file" if lock.kind is LockKind.REQUIREMENTS else ""
        for pin in bare:
            sentence = f"it has no hash, while others have{why}"
            yield _Entry(pin, pin.document or filename).finding("missing-hash", WARNING, sentence)
    for pin in pins:
        if pin.hashes and {algorithm for algorithm, _ in pin.hashes} <= _WEAK:
            sentence = "its hashes are MD5 or SHA-1, which can be forged; use SHA-256"
            yield _Entry(pin, pin.document or filename).finding("weak-hash", WARNING, sentence)


def _trap(kind: str, sentence: str, texts: Mapping[str, str], needle: str) -> Finding:
    """Return a finding about the first line that holds a text; about the first file where none does."""
    for name, text in texts.items():
        if (at := text.find(needle)) >= 0:
            return Finding(kind, WARNING, sentence, file=name, line=text.count("\n", 0, at) + 1)
    return Finding(kind, WARNING, sentence, file=next(iter(texts), ""))


def distinct(pins: Iterable[Pin]) -> list[Pin]:
    """Return the pins, those of one release of a project once, with the hashes of all."""
    found: dict[tuple[ProjectName, str, str], Pin] = {}
    for pin in pins:
        key = (pin.project, canonical(pin.version) if pin.version else pin.specifier, pin.origin)
        first = found.get(key)
        if first is None:
            found[key] = pin
        elif pin.files:
            found[key] = replace(first, files=(*first.files, *pin.files))
    return list(found.values())


def completed(pins: Iterable[Pin], text: str) -> Iterator[Pin]:
    """Yield pins with what the file tells of them in other ways: the line of an entry, the version in a file's name."""
    lines: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if found := _ENTRY.match(line):
            lines.setdefault(normalize(found[1] or found[2]), number)
    for pin in pins:
        number = pin.line or (0 if pin.document else lines.get(pin.project, 0))
        yield replace(pin, line=number, version=pin.version or _version_of(pin))


def _version_of(pin: Pin) -> str:
    """Return the version that the file name at the end of a direct address tells; "" where none does."""
    filename = unquote(urlsplit(pin.origin).path).rpartition("/")[2] if pin.origin else ""
    return version_in(filename, pin.project) or ""
