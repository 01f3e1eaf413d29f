"""What is known here of projects, gathered for an audit: listings, advisories, and the gate's decisions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta

from affineur.errors import AffineurError, ProjectUnknown
from affineur.model.advisories import ProjectAdvisories
from affineur.model.decisions import Decision, Verdict
from affineur.model.files import File, Page
from affineur.model.names import ProjectName
from affineur.operations.context import Context
from affineur.operations.findings import Looked
from affineur.policy.evidence import Evidence
from affineur.policy.rule import Facts, Rule
from affineur.policy.rules.advice import Advice, AdviceSettings
from affineur.policy.rules.lookalikes import Lookalikes, LookalikesSettings
from affineur.policy.rules.stdlib_names import StdlibNames, StdlibNamesSettings
from affineur.policy.rules.vanished import Vanished, VanishedSettings
from affineur.sources.gated import Gated
from affineur.storage.catalog.advisories import unpacked
from affineur.storage.known_advisories import gathered

_AT_ONCE = 16
"""Projects that are looked at at a time."""
_LONGEST = 60.0
"""Seconds after which listings that have not come from an upstream are given up."""
_TOLD: tuple[Rule, ...] = (
    StdlibNames(StdlibNamesSettings()),
    Lookalikes(LookalikesSettings()),
    Advice(AdviceSettings()),
    Vanished(VanishedSettings()),
)
"""Rules whose opinion an audit tells where the index's policy does not ask for it."""


class Knowledge:
    """Looks projects up through an index, several at a time."""

    def __init__(self, context: Context, gated: Gated, now: datetime, *, offline: bool) -> None:
        """`offline`: no upstream is asked."""
        self._context, self._gated, self._now, self._offline = context, gated, now, offline
        self._at_once = asyncio.Semaphore(_AT_ONCE)
        self._held: Collection[str] = ()
        """The projects held here, where no upstream is asked."""
        self._done = 0

    async def of(self, projects: Sequence[ProjectName]) -> dict[ProjectName, Looked]:
        """Return what is known of each project; never raises for what is missing."""
        if self._offline:
            self._held = await self._gated.source.projects()
        packed = await self._context.catalog.read(gathered, projects)
        known = await asyncio.to_thread(_unpacked, packed)
        tasks = {
            name: asyncio.create_task(self._looked(name, known.get(name, ProjectAdvisories()), len(projects)))
            for name in projects
        }
        if tasks:
            await asyncio.wait(tasks.values(), timeout=None if self._offline else _LONGEST)
        late = f"its listing did not come within {_LONGEST:g} seconds"
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
        return {
            name: Looked(known.get(name, ProjectAdvisories()), problem=late) if task.cancelled() else task.result()
            for name, task in tasks.items()
        }

    async def _looked(self, project: ProjectName, known: ProjectAdvisories, total: int) -> Looked:
        async with self._at_once:
            looked = await self._listed(project, known)
        self._done += 1
        if not self._offline:
            self._context.progress(self._done, total, project)
        return looked

    async def _listed(self, project: ProjectName, known: ProjectAdvisories) -> Looked:
        source = self._gated.source
        try:
            if self._offline and project not in self._held:
                raise ProjectUnknown(project, source.name)
            page = await (source.held(project) if self._offline else source.page(project))
        except ProjectUnknown:
            problem = "nothing is held here of it, and no upstream was asked" if self._offline else ""
            said = await self._said(Page(project, (), mirrored=True), None)
            return Looked(known, absent=not self._offline, problem=problem, verdicts=said)
        except AffineurError as error:
            said = await self._said(Page(project, (), mirrored=True), None)
            return Looked(known, problem=f"its listing could not be had: {error.sentence}", verdicts=said)
        decide = await self._gated.at_moments(page, ask=not self._offline)
        return Looked(
            known, page, problem=self._old(page), current=not self._offline and page.stale_since is None,
            decide=_once(decide, self._now), verdicts=await self._said(page, decide),
        )  # fmt: skip

    def _old(self, page: Page) -> str:
        """Return what is wrong with a listing that is older than advisories may be; "" where it is not."""
        until = page.stale_since or page.fresh_until
        longest = timedelta(seconds=self._context.config.advisories_max_age)
        if page.owned or until is None or self._now - until < longest:
            return ""
        return f"its listing was last asked for on {until:%Y-%m-%d}: later yanks and quarantines are not known"

    async def _said(self, page: Page, decide: Callable[[File, datetime], Decision] | None) -> tuple[Verdict, ...]:
        """Return what rules say of a project that the index's policy does not ask."""
        asked = {rule.name for rule in self._gated.gate.policy.rules_for(page.project)} if decide is not None else set()
        rules = [rule for rule in _TOLD if rule.name not in asked]
        if not rules or page.owned:
            return ()
        evidence = Evidence(likeness=await self._gated.witness.likeness(page))
        stand_in = File("", "", tombstone=True)
        said = (rule.judge(Facts(stand_in, page, page.mirrored, page.owned, evidence), self._now) for rule in rules)
        return tuple(verdict for verdict in said if verdict is not None)


def _unpacked(packed: Mapping[ProjectName, Sequence[bytes]]) -> dict[ProjectName, ProjectAdvisories]:
    return {name: ProjectAdvisories(unpacked(document) for document in some) for name, some in packed.items()}


def _once(decide: Callable[[File, datetime], Decision], now: datetime) -> Callable[[File], Decision]:
    """Return what decides about a file as of now, each once."""
    made: dict[str, Decision] = {}

    def decided(file: File) -> Decision:
        if file.filename not in made:
            made[file.filename] = decide(file, now)
        return made[file.filename]

    return decided
