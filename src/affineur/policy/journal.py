"""The journal of judgements: what changed for people goes into the ledger, and refusals keep their address."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from datetime import datetime

from affineur.errors import StorageUnavailable
from affineur.model.names import IndexName, ProjectName
from affineur.policy.gate import Screened, sentence_of
from affineur.storage.catalog import decisions, projects
from affineur.storage.catalog.database import Catalog
from affineur.storage.catalog.decisions import Outcome, Place

_MOST_REMEMBERED = 20_000


class Journal:
    """Takes note of judged pages; `write` makes the notes durable, many at once."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._pending: dict[tuple[str, str], Outcome] = {}
        self._written: OrderedDict[str, dict[str, int]] = OrderedDict()
        self._unnamed: dict[str, Place] = {}
        self._places: OrderedDict[str, Place] = OrderedDict()

    def note(self, screened: Screened) -> None:
        """Take note of a judged page; cheap, and nothing is written yet."""
        outcome = outcome_of(screened)
        if outcome is None:
            return
        digest = hash((outcome.passed, frozenset(outcome.refused.items()), outcome.inspect, outcome.changes_at))
        known = self._written.setdefault(outcome.project, {})
        if known.get(outcome.index) == digest:
            return
        known[outcome.index] = digest
        places = {
            decision.id: Place(outcome.index, outcome.project, name)
            for name, decision in screened.decisions.items()
            if decision.objectionable
        }
        self._places.update(places)
        self._unnamed.update(places)
        if not any(file.tombstone for file in screened.page.files):
            self._pending[outcome.index, outcome.project] = outcome
        while len(self._places) > _MOST_REMEMBERED:
            self._places.popitem(last=False)
        while len(self._written) > _MOST_REMEMBERED:
            self._written.popitem(last=False)

    def forget(self, project: str) -> None:
        """Take the next judgement of a project for news: another process may have noted something else."""
        self._written.pop(project, None)

    async def write(self) -> None:
        """Write what was noted since the last time; on failure it stays noted.

        Raises:
            StorageUnavailable: the database cannot be written.
        """
        if not (self._pending or self._unnamed):
            return
        batch, self._pending = self._pending, {}
        places, self._unnamed = self._unnamed, {}
        try:
            await asyncio.shield(self.catalog.write(decisions.record, list(batch.values()), places))
        except StorageUnavailable:
            self._pending = {**batch, **self._pending}
            self._unnamed = {**places, **self._unnamed}
            raise

    async def changes(self, index: IndexName) -> tuple[frozenset[str], dict[str, int]]:
        """Return the projects that an index refuses as a whole, and the serials of changed decisions by project."""
        return await self.catalog.read(decisions.changes, index)

    async def serial(self, index: IndexName, project: ProjectName) -> int:
        """Return the serial at which decisions about a project last changed in an index; 0: never."""
        return await self.catalog.read(projects.serial, index, project)

    async def find(self, id_: str) -> Place | None:
        """Return what a decision's address is about, or None."""
        return self._places.get(id_) or await self.catalog.read(decisions.find, id_)


def outcome_of(screened: Screened) -> Outcome | None:
    """Return what came of judging a page; None for one without files."""
    page, refused, passed = screened.page, {}, []
    decision = None
    for name, decision in screened.decisions.items():
        if decision.objectionable:
            refused[name] = sentence_of(decision.strictest)
        else:
            passed.append(name)
    if decision is None:
        return None
    waiting = [file for file in page.files if screened.strict and screened.decisions[file.filename].pending]
    waiting.sort(key=lambda file: file.upload_time.timestamp() if file.upload_time else 0.0, reverse=True)
    return Outcome(
        decision.index, page.project, decision.revision, decision.at, refused, frozenset(passed), not decision.watched,
        tuple(file.filename for file in waiting if file.filename in passed), screened.whole is not None,
        _later(screened.changes_at, decision.at),
    )  # fmt: skip


def _later(moment: datetime | None, now: datetime) -> datetime | None:
    """Return a moment unless it is over: what a rule says of the past would fall due for ever."""
    return moment if moment is not None and moment > now else None
