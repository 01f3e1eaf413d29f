"""A source behind the gate: pages come with decisions, files only after one."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from affineur.errors import AffineurError, FileUnknown, ProjectUnknown, UpstreamUnavailable
from affineur.model.decisions import Decision
from affineur.model.files import File, Page
from affineur.model.names import ProjectName
from affineur.policy.evidence import ASKED, Evidence, Need, Witness
from affineur.policy.gate import Gate, Screened
from affineur.policy.journal import Journal
from affineur.policy.policies import Policy
from affineur.sources.source import Body, Source
from affineur.standards.attestations import publisher

_MANY = 200
"""Files of a page from which on it is judged off the event loop."""

_YOUNG = timedelta(days=60)
"""Only of files younger than this it is read who published them: no cooldown lasts longer."""
_MOST_READ = 10_000


class Gated:
    """The door of an index. There is no way to a file but `find` on its page and `open`."""

    def __init__(
        self, source: Source, gate: Gate, witness: Witness, origin: Callable[[], str], journal: Journal | None = None
    ) -> None:
        """`journal` is told of every page that was judged; without one nothing is noted."""
        self.source, self.gate, self.witness, self._origin, self._journal = source, gate, witness, origin, journal
        self.name: str = gate.index
        self._read: dict[str, str | None] = {}
        """The publishers that provenance documents name; what such a document says never changes."""

    async def owns(self, project: ProjectName) -> bool:
        """Whether a source behind the gate owns the name."""
        return await self.source.owns(project)

    async def projects(self) -> dict[str, int]:
        """Return the projects held behind the gate, without those that it refuses as a whole."""
        projects = await self.source.projects()
        if self._journal is None:
            return projects
        closed, serials = await self._journal.changes(self.gate.index)
        raised = {name: max(projects[name], serial) for name, serial in serials.items() if name in projects}
        return {name: serial for name, serial in (projects | raised).items() if name not in closed}

    async def screened(self, project: ProjectName) -> Screened:
        """Return the page with the decision about each file.

        A name that has no files but is refused is a page with a tombstone.

        Raises:
            ProjectUnknown: no source has it, and nothing is said against the name.
            UpstreamUnavailable: it cannot be asked for, and nothing is said against the name.
        """
        try:
            page = await self.source.page(project)
        except (ProjectUnknown, UpstreamUnavailable):
            buried = await self.buried(project, datetime.now(UTC))
            if buried is None:
                raise
            return await self._noted(buried)
        return await self._noted(await self._judged(page))

    async def buried(self, project: ProjectName, moment: datetime) -> Screened | None:
        """Return the tombstone of a name that has no files and is refused at a moment; None where it is not."""
        evidence = await self._evidence(Page(project, ()))
        return self.gate.tombstone(project, now=moment, evidence=evidence)

    async def _noted(self, screened: Screened) -> Screened:
        """Take note of a judged page, and give it the serial of the last change, be it one of decisions."""
        if self._journal is None:
            return screened
        self._journal.note(screened)
        serial = await self._journal.serial(self.gate.index, screened.page.project)
        return replace(screened, decided_serial=serial)

    async def judged_again(self, project: ProjectName) -> Screened:
        """Return what is held of a project with decisions taken anew; no upstream is asked.

        Raises:
            ProjectUnknown: nothing is held.
        """
        self.witness.forget(project)
        return await self._noted(await self._judged(await self.source.held(project)))

    async def judged_as_held(self, project: ProjectName) -> Screened:
        """Return what is held of a project with decisions by the evidence that is remembered; nothing is noted.

        Raises:
            ProjectUnknown: nothing is held.
        """
        return await self._judged(await self.source.held(project))

    async def held(self, project: ProjectName) -> Page:
        """Return what is held of a project, without the files refused here."""
        return self._passing(await self._judged(await self.source.held(project)))

    async def _evidence(self, page: Page, *, ask: bool = True) -> Evidence:
        """Return the evidence about a page; without `ask` no upstream is asked for who published its files."""
        needs = self.gate.needs(page.project)
        evidence = await self.witness.of(page, needs)
        if Need.PUBLISHER not in needs or not ask:
            return evidence
        wanted = evidence.to_compare(page, datetime.now(UTC) - _YOUNG)
        return replace(evidence, publishers=await self.publishers(page, wanted)) if wanted else evidence

    async def publishers(self, page: Page, files: Sequence[File]) -> dict[str, str]:
        """Return who published files by their provenance; who cannot be read is left out."""
        found: dict[str, str] = {}
        for file in files:
            key = f"{file.filename} {file.sha256}"
            if key not in self._read:
                try:
                    who = publisher(await self.source.provenance(page, file))
                except AffineurError:
                    continue
                if len(self._read) >= _MOST_READ:
                    self._read.clear()
                self._read[key] = who
            if (known := self._read[key]) is not None:
                found[file.filename] = known
        return found

    def under(self, policy: Policy) -> Gated:
        """Return the same index under another policy; what it judges is not noted."""
        return Gated(self.source, Gate(self.gate.index, policy), self.witness, self._origin)

    async def at_moments(self, page: Page, *, ask: bool = True) -> Callable[[File, datetime], Decision]:
        """Return what decides about single files of a page at any moment, by what is known today.

        Without `ask` by what is known here: no upstream is asked.
        """
        evidence = await self._evidence(page, ask=ask)

        def decide(file: File, moment: datetime) -> Decision:
            return self.gate.screen(page, now=moment, evidence=evidence, only=file).decisions[file.filename]

        return decide

    async def _judged(self, page: Page, only: File | None = None) -> Screened:
        evidence, now = await self._evidence(page), datetime.now(UTC)
        if len(page.files) < _MANY or only is not None:
            return self.gate.screen(page, now=now, evidence=evidence, only=only)
        return await asyncio.to_thread(self.gate.screen, page, now=now, evidence=evidence)

    async def page(self, project: ProjectName) -> Page:
        """Return the page as another index may layer it: without the files refused here."""
        return self._passing(await self.screened(project))

    def _passing(self, screened: Screened) -> Page:
        page = screened.page
        files = tuple(f for f in page.files if not (f.tombstone or screened.decisions[f.filename].refused))
        moments = [moment for moment in (page.fresh_until, screened.changes_at) if moment is not None]
        return replace(page, files=files, fresh_until=min(moments, default=None), serial=screened.serial)

    async def find(self, project: ProjectName, filename: str) -> tuple[Screened, File]:
        """Return a listed file with its screened page.

        Raises:
            FileUnknown: the page does not list it.
        """
        screened = await self.screened(project)
        file = screened.page.file(filename)
        if file is None:
            raise FileUnknown(filename, self.name)
        return screened, file

    def admit(self, screened: Screened, file: File) -> None:
        """Let the file through or raise `Refused`."""
        self.gate.admit(screened, file, self._origin())

    def admit_side(self, screened: Screened, file: File) -> None:
        """Let what stands beside the file through or raise `Refused`."""
        self.gate.admit_side(screened, file, self._origin())

    async def deliver(self, screened: Screened, file: File) -> Body:
        """Open a file of a judged page; where a rule wants to see the content first, it sees all of it.

        Raises:
            Refused: the decision is hold or deny.
        """
        self.admit(screened, file)
        page = screened.page
        if not screened.decisions[file.filename].pending:
            return await self.source.open(page, file)
        needs = self.gate.wanted(screened, file)
        body, _ = await asyncio.gather(self.source.open(page, file), self.witness.ask(page, file, needs))
        if not needs <= ASKED:
            return await self._inspected(page, file, body, needs - ASKED)
        self._settle(await self._judged(page, only=file), file)
        return body

    def _settle(self, screened: Screened, file: File) -> None:
        self.admit(screened, file)
        self.gate.settle(screened, file, self._origin())

    async def _inspected(self, page: Page, file: File, body: Body, needs: frozenset[Need]) -> Body:
        """Return the body once the rules that speak about content have seen it and let it pass."""
        await body.wait()
        if file.sha256 is None and body.sha256 is not None:
            file = replace(file, hashes={**file.hashes, "sha256": body.sha256})
        stored = await self.source.open(page, file)
        if stored.path is not None:
            await self.witness.inspect(page, file, stored.path, needs)
        else:
            with tempfile.NamedTemporaryFile(prefix="affineur-") as copy:
                async for part in stored.read():
                    await asyncio.to_thread(copy.write, part)
                copy.flush()
                await self.witness.inspect(page, file, Path(copy.name), needs)
        self._settle(await self._judged(page, only=file), file)
        return await self.source.open(page, file)

    async def tell(self, screened: Screened, file: File, kind: str) -> bytes:
        """Return what stands beside a file of a judged page: "metadata", "signature" or "provenance".

        Raises:
            Refused: everything the page lists is refused.
            FileUnknown: there is no such thing beside it.
        """
        self.admit_side(screened, file)
        decision = screened.decisions[file.filename]
        if kind == "metadata" and decision.pending and not decision.refused:
            # Whoever resolves with it is likely to want the file next.
            self.witness.expect(self.gate.wanted(screened, file))
        told: bytes = await getattr(self.source, kind)(screened.page, file)
        return told

    async def _let_through(self, page: Page, file: File) -> tuple[Screened, Page]:
        screened = await self._judged(page, only=file)
        return screened, await self._inner(page)

    async def _inner(self, page: Page) -> Page:
        if page.source == self.name:
            return await self.source.page(page.project)
        return page

    async def open(self, page: Page, file: File) -> Body:
        """Open a file for an index that layers this one, after the gate let it through."""
        screened, inner = await self._let_through(page, file)
        return await self.deliver(replace(screened, page=inner), file)

    async def metadata(self, page: Page, file: File) -> bytes:
        """Return core metadata for an index that layers this one."""
        return await self._beside(page, file, "metadata")

    async def signature(self, page: Page, file: File) -> bytes:
        """Return the signature for an index that layers this one."""
        return await self._beside(page, file, "signature")

    async def provenance(self, page: Page, file: File) -> bytes:
        """Return the provenance for an index that layers this one."""
        return await self._beside(page, file, "provenance")

    async def _beside(self, page: Page, file: File, kind: str) -> bytes:
        screened, inner = await self._let_through(page, file)
        return await self.tell(replace(screened, page=inner), file, kind)
