"""The door: the only place where it is decided whether a file may be listed or leave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from affineur.errors import Refused
from affineur.model.decisions import Decision, Effect, Verdict
from affineur.model.files import File, Page
from affineur.model.names import IndexName, ProjectName
from affineur.model.printable import in_one_line
from affineur.policy.evidence import CONTENT, NOTHING, Evidence, Need
from affineur.policy.judge import lifted, verdicts_of
from affineur.policy.policies import Listing, Mode, Policy
from affineur.policy.rule import Facts

_NOT_INSPECTED = "not inspected yet"


def sentence_of(verdict: Verdict) -> str:
    """Return a refusing verdict as people read it: what the rule does, which rule, and why."""
    verb = "denied" if verdict.effect is Effect.DENY else "held"
    # Sentences quote text of packages, and clients print them on terminals as they are.
    return in_one_line(f"{verb} by {verdict.rule}: {verdict.sentence}")


@dataclass(frozen=True)
class Screened:
    """A page with the decision about each of its files, by file name."""

    page: Page
    decisions: Mapping[str, Decision]
    strict: bool = False
    """Whether files that rules want to look into first are shown as yanked."""
    decided_serial: int = 0
    """The ledger serial of the last change of these decisions in the index."""

    @property
    def listing_serial(self) -> int:
        """The serial of the last change to the listing alone, in its source."""
        return self.page.serial

    @property
    def serial(self) -> int:
        """The serial of the last change to anything that people see of the page."""
        return max(self.page.serial, self.decided_serial)

    @cached_property
    def changes_at(self) -> datetime | None:
        """The moment at which time alone may change the page."""
        moments = [d.changes_at for d in self.decisions.values() if d.changes_at is not None]
        return min(moments, default=None)

    @cached_property
    def refused(self) -> dict[str, str]:
        """The files that may not leave, with the reason."""
        return {name: sentence_of(d.strictest) for name, d in self.decisions.items() if d.refused}

    @cached_property
    def whole(self) -> Decision | None:
        """A decision that refuses the project as a whole, where every file is refused for such a reason."""
        decisions = list(self.decisions.values())
        if decisions and all(d.refused and d.strictest.whole for d in decisions):
            return max(decisions, key=lambda decision: decision.strictest.effect)
        return None

    def yanks(self) -> dict[str, str]:
        """The files to be shown as yanked because they are refused or not inspected, with the reason.

        When every file is refused none is shown yanked: clients then pick one, ask for it and
        print the reason, which they do not for a page on which everything is yanked.
        """
        shown = dict(self.refused) if len(self.refused) < len(self.decisions) else {}
        if self.strict:
            shown |= {
                name: _NOT_INSPECTED
                for name, decision in self.decisions.items()
                if decision.pending and not decision.refused
            }
        return shown


class Gate:
    """The policy of one index, applied to pages and to files."""

    def __init__(self, index: IndexName, policy: Policy) -> None:
        self.index, self.policy = index, policy

    @property
    def revision(self) -> str:
        """The policy's revision."""
        return self.policy.revision

    def needs(self, project: ProjectName) -> frozenset[Need]:
        """Return the evidence that judging a project takes."""
        return self.policy.needs(project)

    def screen(self, page: Page, *, now: datetime, evidence: Evidence = NOTHING, only: File | None = None) -> Screened:
        """Judge every file of a listing before anything is fetched, or `only` one; rules see the whole page."""
        rules = self.policy.rules_for(page.project)
        watched = self.policy.mode is Mode.WATCH
        decisions = {}
        for file in page.files if only is None else (only,):
            facts = Facts(file, page, page.mirrored, page.owned, evidence)
            verdicts = lifted(verdicts_of(rules, facts, now), facts, self.index, now)
            decisions[file.filename] = Decision(
                self.index, page.project, file.filename, self.revision, now, verdicts, watched
            )
        return Screened(page, decisions, self.policy.listing is Listing.STRICT)

    def tombstone(self, project: ProjectName, *, now: datetime, evidence: Evidence = NOTHING) -> Screened | None:
        """Return a page with a single refused file for a name that has none and is refused; None where it is not.

        Nobody registered the name, so there is no file whose refusal could tell why; without one, clients
        say no more than that they found nothing.
        """
        first = self._buried(project, "held.by.policy", now, evidence)
        if first.whole is None:
            return None
        hint = first.whole.strictest.hint.replace("-", ".")
        return self._buried(project, f"did.you.mean.{hint}", now, evidence) if hint else first

    def _buried(self, project: ProjectName, words: str, now: datetime, evidence: Evidence) -> Screened:
        filename = f"{project.replace('-', '_')}-0+{words}-py3-none-any.whl"
        file = File(filename, f"0+{words}", upload_time=now, first_seen=now, tombstone=True)
        screened = self.screen(Page(project, (file,)), now=now, evidence=evidence)
        return replace(screened, page=replace(screened.page, fresh_until=screened.changes_at))

    def admit(self, screened: Screened, file: File, why: str = "") -> None:
        """Let a file's bytes through or refuse them, by the decision of the page that lists it.

        Raises:
            Refused: the decision is hold or deny.
        """
        decision = screened.decisions[file.filename]
        if decision.refused or file.tombstone:
            verdict = decision.strictest
            address = f"{why}/why/{decision.id}"
            raise Refused(file.filename, verdict.rule, sentence_of(verdict), address, verdict.until)

    def admit_side(self, screened: Screened, file: File, why: str = "") -> None:
        """Let what stands beside a file through, its metadata for one, or refuse it.

        While other files of the page pass, a refused one is listed as yanked, and resolvers may read
        about it. When all are refused its metadata is refused like its bytes: that is the first thing
        clients ask for, and where they print the reason.

        Raises:
            Refused: everything the page lists is refused.
        """
        if len(screened.refused) == len(screened.decisions) or file.tombstone:
            self.admit(screened, file, why)

    def wanted(self, screened: Screened, file: File) -> frozenset[Need]:
        """Return what must be found out about a file before the rules that are pending can speak."""
        waiting = {v.rule for v in screened.decisions[file.filename].verdicts if v.effect is Effect.PENDING}
        rules = self.policy.rules_for(screened.page.project)
        return frozenset().union(*(rule.needs for rule in rules if rule.name in waiting)) & CONTENT

    def settle(self, screened: Screened, file: File, why: str = "") -> None:
        """Refuse a file that was looked into and of which a rule still knows nothing.

        Raises:
            Refused: a rule is still pending.
        """
        decision = screened.decisions[file.filename]
        if decision.pending and not decision.watched:
            verdict = next(verdict for verdict in decision.verdicts if verdict.effect is Effect.PENDING)
            sentence = f"held by {verdict.rule}: {file.filename} could not be inspected"
            raise Refused(file.filename, verdict.rule, sentence, f"{why}/why/{decision.id}")
