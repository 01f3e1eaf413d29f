"""What is wrong with a release in an index, by what is known now: advisories, the gate, the page's status."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from operator import itemgetter

from packaging.version import Version

from affineur.model.advisories import ProjectAdvisories, Severity, Vulnerability, affects, canonical, parsed
from affineur.model.alerts import AlertKind, Cause, Fix
from affineur.model.decisions import Decision
from affineur.model.files import File, Status
from affineur.policy.gate import Screened, sentence_of

_TOLD_BY = {
    "known_malware": AlertKind.MALWARE,
    "vulnerabilities": AlertKind.ADVISORY,
    "status": AlertKind.QUARANTINED,
    "vanished": AlertKind.MISSING,
}
"""Rules that refuse for what another kind of alert tells anyway."""
_STATUSES = {
    Status.QUARANTINED: AlertKind.QUARANTINED,
    Status.DEPRECATED: AlertKind.DEPRECATED,
    Status.ARCHIVED: AlertKind.ARCHIVED,
}


@dataclass
class Known:
    """What is known of a project in an index."""

    advisories: ProjectAdvisories
    screened: Screened | None = None
    """The page with its decisions; None where the index holds none."""
    publishers: Mapping[str, str] = field(default_factory=dict)
    """Who published files, by file name, as far as it was looked up (`to_compare` names the files)."""
    _files: dict[str, list[File]] = field(default_factory=dict)
    _causes: dict[tuple[str, frozenset[str]], tuple[Cause, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for file in self.screened.page.files if self.screened is not None else ():
            if file.version and not file.tombstone:
                self._files.setdefault(canonical(file.version), []).append(file)

    def last_release(self) -> datetime | None:
        """Return when the project last released something; None where nothing tells."""
        moments = [file.upload_time for files in self._files.values() for file in files if file.upload_time]
        return max(moments, default=None)

    def causes(self, version: str, locked: frozenset[str] = frozenset()) -> tuple[Cause, ...]:
        """Return what is wrong with a version; worked out once, however many locks hold it.

        `locked` are the SHA-256 digests of the files that a lock names; none: any file of the release may be taken.
        """
        key = (canonical(version), locked)
        if key not in self._causes:
            self._causes[key] = tuple(self._found(version, locked))
        return self._causes[key]

    def by_files(self, version: str) -> bool:
        """Whether what is wrong with a version may hang on which of its files are taken."""
        if self.screened is None:
            return False
        files, decisions = self._files.get(canonical(version), []), self.screened.decisions
        states = {(file.vanished is None, file.yanked, decisions[file.filename].refused) for file in files}
        # The page of a mirror keeps what its upstream lists no longer, that of uploads does not.
        return len(states) > 1 or bool(files and not self.screened.page.mirrored)

    def _found(self, version: str, locked: frozenset[str]) -> list[Cause]:
        found = [self._of_hole(hole, version) for hole in self.advisories.of(version)]
        if self.screened is None:
            return found
        page, files = self.screened.page, self._files.get(canonical(version), [])
        kind = _STATUSES.get(page.status.status)
        if kind is not None:
            reason = f": {page.status.reason}" if page.status.reason else ""
            urgent = kind is AlertKind.QUARANTINED
            found.append(Cause(kind, f"the project is {page.status.status.value}{reason}", urgent=urgent))
        if not files:
            # A mirror's page without any file may never have been asked for; of uploads it is all there is.
            if self._files or not page.mirrored:
                found.append(Cause(AlertKind.MISSING, "no file of this release is listed any more", urgent=True))
            return found
        named = [file for file in files if file.sha256 in locked]
        if locked and not named and all(file.sha256 for file in files):
            said = "none of the files of this release that the lock names is listed any more"
            return [*found, Cause(AlertKind.MISSING, said, urgent=True)]
        files = named or files
        if all(file.vanished for file in files):
            gone = max(file.vanished for file in files if file.vanished)
            found.append(Cause(AlertKind.MISSING, f"the upstream stopped listing this release on {gone:%Y-%m-%d}"))
        if all(file.yanked for file in files):
            reason = next((f": {file.yanked_reason}" for file in files if file.yanked_reason), "")
            found.append(Cause(AlertKind.YANKED, f"its author withdrew this release{reason}"))
        if (changed := self._of_publisher(version)) is not None:
            found.append(changed)
        refusal, before = self._refusal(files), ""
        if refusal is None:
            # An install takes a source distribution only where no wheel fits, so one that is refused says little.
            wheels = [file for file in named if file.is_wheel and self.screened.decisions[file.filename].refused]
            refusal = self._refusal(wheels)
            before = f"of the {len(named)} files that the lock names {len(wheels)} may not leave: "
        if refusal is not None and _TOLD_BY.get(refusal.strictest.rule) not in {cause.kind for cause in found}:
            verdict = refusal.strictest
            found.append(Cause(AlertKind.REFUSED, before + sentence_of(verdict), urgent=verdict.until is None))
        return found

    def _of_hole(self, hole: Vulnerability, version: str) -> Cause:
        record = hole.advisory
        said = record.summary or ("the release is malware" if hole.is_malware else "it has a known vulnerability")
        kind = AlertKind.MALWARE if hole.is_malware else AlertKind.ADVISORY
        urgent = hole.is_malware or hole.severity >= Severity.CRITICAL
        return Cause(kind, said, hole.ids, hole.severity, urgent, self._fix(hole, version), record.link)

    def to_compare(self, versions: Collection[str]) -> list[File]:
        """Return the files whose publishers tell whether the project changed hands after some versions."""
        found: dict[str, File] = {}
        for version in versions:
            before, _, after = self._attested(version)
            if before is not None and after is not None:
                found |= {before.filename: before, after.filename: after}
        return list(found.values())

    def _attested(self, version: str) -> tuple[File | None, str, File | None]:
        """Return an attested file of a version, the newest later release, and an attested file of that.

        Of a version that has none there is nothing to compare, and no later one is looked for.
        """

        def attested(text: str) -> File | None:
            return next((file for file in self._files.get(canonical(text), ()) if file.provenance), None)

        before = attested(version)
        later = next(reversed(self._later(version)), "") if before is not None else ""
        return before, later, attested(later) if later else None

    def _of_publisher(self, version: str) -> Cause | None:
        """Tell where the newest later release was published by somebody else than this one, or does not say by whom."""
        before, newest, after = self._attested(version)
        if before is None or not newest:
            return None
        if after is None:
            said = f"the newest release, {newest}, has no attestation, though this one has"
            return Cause(AlertKind.PUBLISHER, said)
        known, now = self.publishers.get(before.filename), self.publishers.get(after.filename)
        if not known or not now or known == now:
            return None
        return Cause(AlertKind.PUBLISHER, f"the newest release, {newest}, was published by {now}, this one by {known}")

    def _refusal(self, files: Sequence[File]) -> Decision | None:
        """Return what refuses a release: the strictest decision where no file passes, else None."""
        if self.screened is None:
            return None
        decisions = [self.screened.decisions[file.filename] for file in files]
        if not decisions or any(not decision.refused for decision in decisions):
            return None
        return max(decisions, key=lambda decision: decision.strictest.effect)

    def _fix(self, hole: Vulnerability, version: str) -> Fix | None:
        """Return the nearest later release without the hole that passes, else the nearest at all."""
        ordered = parsed(version)
        named = hole.fixed_after(version)
        if ordered is None:
            return None
        first: Fix | None = None
        for text in self._later(version):
            if hole.affects(text) or any(affects(record, text) for record in self.advisories.malware(text)):
                continue
            fix = self._listed(text)
            if fix.passes:
                return fix
            first = first or fix
        return first or (Fix(named) if named else None)

    def _later(self, version: str) -> list[str]:
        """Return the final versions after one that the page lists and that their author did not withdraw, in order."""
        ordered = parsed(version)
        if ordered is None:
            return []
        after = self._offered[bisect_right(self._offered, ordered, key=itemgetter(0)) :]
        return [text for other, text in after if not other.is_prerelease or ordered.is_prerelease]

    @cached_property
    def _offered(self) -> list[tuple[Version, str]]:
        """The versions that their author did not withdraw, in order, each as its first file spells it."""
        found = [
            (version, files[0].version)
            for text, files in self._files.items()
            if (version := parsed(text)) is not None and not all(file.yanked for file in files)
        ]
        return sorted(found, key=itemgetter(0))

    def _listed(self, version: str) -> Fix:
        refusal = self._refusal(self._files[canonical(version)])
        if refusal is None:
            return Fix(version, listed=True)
        return Fix(version, listed=True, held=sentence_of(refusal.strictest), free_at=_free(refusal))


def _free(decision: Decision) -> datetime | None:
    return decision.strictest.until
