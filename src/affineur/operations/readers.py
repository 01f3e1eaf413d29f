"""Whether those who are told of something may still read the index that it is about."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import structlog

from affineur.config import Config
from affineur.model.alerts import Alert
from affineur.storage.catalog import principals
from affineur.storage.catalog.alerts import Batch
from affineur.storage.catalog.database import Catalog

_log = structlog.get_logger("affineur.lookout")


@dataclass(frozen=True, slots=True)
class Readers:
    """Some people, as their rights are at a moment."""

    open_to_all: frozenset[str]
    """Indexes that take no token."""
    places: Mapping[str, Collection[str]]
    """Where the tokens of each user may read; `*` is everywhere. Who is no user here stands for an administrator's word."""

    def let(self, owner: str, index: str) -> bool:
        """Whether somebody may read an index."""
        if index in self.open_to_all or owner not in self.places:
            return True
        return not {"*", index}.isdisjoint(self.places[owner])

    def readable(self, found: Iterable[Alert]) -> list[Alert]:
        """Return those of some alerts that their owners may read."""
        return [alert for alert in found if self.let(alert.owner, alert.index)]


def for_readers(batches: Iterable[Batch], may: Readers) -> list[Batch]:
    """Return what recipients are to be told without what its owner may not read any more; that is logged."""
    made, withheld = [], set()
    for batch in batches:
        withheld |= {(batch.owner, alert.index) for _, alert in batch.news if not may.let(batch.owner, alert.index)}
        news = tuple((kind, alert) for kind, alert in batch.news if may.let(batch.owner, alert.index))
        made.append(replace(batch, news=news))
    for owner, index in sorted(withheld):
        _log.warning("news withheld: no token of the owner may read the index", owner=owner, index=index)
    return made


async def readers(config: Config, catalog: Catalog, owners: Collection[str]) -> Readers:
    """Return what some owners of locks may read now."""
    places = await catalog.read(principals.reading, sorted(set(owners)), datetime.now(UTC))
    return Readers(frozenset(name for name, index in config.indexes.items() if index.anonymous), places)
