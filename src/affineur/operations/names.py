"""The list of popular projects, brought up to date."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path
from typing import Annotated

import msgspec

from affineur.errors import Invalid, InvalidDocument
from affineur.model.events import Event
from affineur.operations.context import Context
from affineur.operations.operation import argument, option
from affineur.policy.lookalikes import popular
from affineur.sources.feed import download, without_secrets
from affineur.sources.pip_settings import read_pip_settings
from affineur.storage.catalog import jobs
from affineur.storage.catalog.database import Change

_MOST_BYTES = 2**28


class NamesUpdate(msgspec.Struct, frozen=True):
    """Take a newer list of popular projects, from which names that look like them are recognised.

    A CSV with a column `name` or `project`, or a name a line, the most downloaded first. It is taken whole or not at
    all. With --server a path is one on the server.
    """

    source: Annotated[str, argument("A file, or an address (https://...).")]
    date: Annotated[str, option("The day of the counts (YYYY-MM-DD); today where it is not given.")] = ""


class NamesList(msgspec.Struct, frozen=True):
    """The list in force."""

    names: int
    source: str
    date: str
    new: int
    """Names that were not in the list before."""
    gone: int
    """Names that were, and are not any more."""


async def update(context: Context, request: NamesUpdate) -> NamesList:
    """Take a newer list into the data folder.

    Raises:
        Invalid: the file cannot be read, or the date is none.
        InvalidDocument: it is no such list; the one in force stays.
        UpstreamUnavailable, UpstreamBroken: the address does not answer, or with an error.
    """
    if request.source.startswith(("https://", "http://")):
        source = without_secrets(request.source)
        text = await _fetched(context, request.source)
    else:
        source = request.source
        text = await asyncio.to_thread(_text, Path(request.source))
    found = await asyncio.to_thread(popular.parse, text, source, request.date)
    before = popular.popular(context.config.data_path).ranks.keys()
    await asyncio.to_thread(popular.write, found, popular.refreshed(context.config.data_path))
    now = popular.popular(context.config.data_path)
    told = NamesList(
        len(now.names), now.source, now.date, len(now.ranks.keys() - before), len(before - now.ranks.keys())
    )
    await context.catalog.write(_record, told, context.actor)
    return told


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise Invalid(f"{path}: larger than {_MOST_BYTES} bytes; a list of names is wanted")
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InvalidDocument(str(path), f"it is not text in UTF-8 ({error.reason})") from error
    except OSError as error:
        raise Invalid(f"{path}: {error.strerror}") from error


async def _fetched(context: Context, address: str) -> str:
    target = context.blobs.staging() / f"{uuid.uuid4().hex}.names"
    try:
        await download(
            address, "", target, read_pip_settings(), lambda done, whole: context.progress(done, whole, "bytes")
        )
        return await asyncio.to_thread(_text, target)
    finally:
        target.unlink(missing_ok=True)


def _record(change: Change, told: NamesList, actor: str) -> None:
    change.enter(Event("names.updated", actor=actor, data=msgspec.to_builtins(told)))
    jobs.add(change, "reevaluate", priority=10)


def say(told: NamesList) -> str:
    """Return the outcome for people."""
    return f"{told.names} names of {told.date} from {told.source}: {told.new} new, {told.gone} gone"
