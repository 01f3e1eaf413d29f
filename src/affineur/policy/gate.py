"""The door: the only place where it is decided whether a file may be listed or leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from affineur.errors import Refused
from affineur.model.decisions import Decision
from affineur.model.files import File, Page
from affineur.model.names import IndexName
from affineur.policy.judge import decide
from affineur.policy.rule import Facts, Rule


@dataclass(frozen=True, slots=True)
class Screened:
    """A page with the decision about each of its files, by file name."""

    page: Page
    decisions: Mapping[str, Decision]

    @property
    def changes_at(self) -> datetime | None:
        """The moment at which time alone may change the page."""
        moments = [d.changes_at for d in self.decisions.values() if d.changes_at is not None]
        return min(moments, default=None)

    def yanks(self) -> dict[str, str]:
        """The files to be shown as yanked because they are refused, with the reason.

        When every file is refused none is shown yanked: clients then pick one, ask for it and
        print the reason (DESIGN section 5).
        """
        refused = {name: d.strictest.sentence for name, d in self.decisions.items() if d.refused}
        return refused if len(refused) < len(self.decisions) else {}


class Gate:
    """The rules of one index's policy, applied to pages and to files."""

    def __init__(self, index: IndexName, rules: Sequence[Rule], revision: str) -> None:
        self.index, self.rules, self.revision = index, tuple(rules), revision

    def screen(self, page: Page, *, mirrored: bool, now: datetime) -> Screened:
        """Judge every file of a listing before anything is fetched."""
        return Screened(
            page,
            {
                file.filename: decide(
                    self.index, self.revision, self.rules, Facts(file, page, mirrored, page.owned), now
                )
                for file in page.files
            },
        )

    def admit(self, screened: Screened, file: File, why: str = "") -> None:
        """Let a file through or refuse it, by the decision of the page that lists it.

        Raises:
            Refused: the decision is hold or deny.
        """
        decision = screened.decisions[file.filename]
        if decision.refused:
            verdict = decision.strictest
            raise Refused(file.filename, verdict.rule, verdict.sentence, f"{why}/why/{decision.id}")
