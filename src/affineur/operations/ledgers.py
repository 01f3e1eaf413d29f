"""The ledger, proved and read."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from affineur.operations.context import Context
from affineur.operations.fields import WHOLE, number
from affineur.operations.operation import option
from affineur.storage.catalog import ledger


class LedgerVerify(msgspec.Struct, frozen=True):
    """Prove the chain, or name the first broken entry."""


class Proof(msgspec.Struct, frozen=True):
    """What came of a proof; `broken` is the serial of the first entry that does not fit."""

    entries: int
    broken: int | None


class LedgerLog(msgspec.Struct, frozen=True):
    """Print entries of the ledger, oldest first."""

    after: Annotated[int, number("Entries after this serial.", 0, WHOLE)] = 0
    limit: Annotated[int, number("How many at most.", 0, WHOLE)] = 1000
    project: Annotated[str, option("Only of this project.")] = ""
    kind: Annotated[str, option("Only of this kind, such as file.uploaded; a prefix is enough.")] = ""
    place: Annotated[str, option("Only of this source or index.")] = ""


class LedgerEntry(msgspec.Struct, frozen=True):
    """An entry as printed."""

    serial: int
    at: str
    kind: str
    place: str
    project: str
    actor: str
    data: dict[str, Any]


async def verify(context: Context, request: LedgerVerify) -> Proof:
    """Recompute every digest of the chain."""
    del request
    broken = await context.catalog.read(ledger.first_broken)
    return Proof(await context.catalog.read(ledger.head), broken)


async def log(context: Context, request: LedgerLog) -> list[LedgerEntry]:
    """Return entries of the ledger."""
    entries = await context.catalog.read(
        ledger.after, request.after, request.limit, request.project, request.kind, request.place
    )
    return [
        LedgerEntry(
            e.serial, e.at.isoformat(), e.event.kind, e.event.place, e.event.project, e.event.actor, e.event.data
        )
        for e in entries
    ]


def say_proof(proof: Proof) -> str:
    """Tell whether the chain is whole."""
    if proof.broken is not None:
        return f"entry {proof.broken} does not fit the chain"
    return f"{proof.entries} entries, the chain is whole"
