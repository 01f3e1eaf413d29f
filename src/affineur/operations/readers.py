"""Whether those who are told of something may still read the index that it is about."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from affineur.config import Config
from affineur.model.alerts import Alert
from affineur.storage.catalog import principals
from affineur.storage.catalog.database import Catalog


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


async def readers(config: Config, catalog: Catalog, owners: Collection[str]) -> Readers:
    """Return what some owners of locks may read now."""
    places = await catalog.read(principals.reading, sorted(set(owners)), datetime.now(UTC))
    return Readers(frozenset(name for name, index in config.indexes.items() if index.anonymous), places)
