"""Looking into files ahead of the first who asks for them, where an index lists strictly."""

from __future__ import annotations

from typing import Annotated

import msgspec

from affineur.errors import NotFound, Refused
from affineur.model.names import normalize
from affineur.operations.context import Context
from affineur.operations.operation import option


class Inspect(msgspec.Struct, frozen=True):
    """Look into a file ahead of the first who asks for it."""

    index: Annotated[str, option("The index.")]
    project: Annotated[str, option("The project.")]
    filename: Annotated[str, option("The file.")]


class Inspected(msgspec.Struct, frozen=True):
    """What came of it."""

    filename: str
    refused: str
    """What refuses the file; empty where nothing does."""


async def inspect(context: Context, request: Inspect) -> Inspected:
    """Fetch a file, have it looked into by the rules that speak about content, and keep what they find.

    Raises:
        UpstreamUnavailable: it cannot be fetched now.
    """
    gated = context.index(request.index)
    try:
        screened, file = await gated.find(normalize(request.project), request.filename)
        await gated.deliver(screened, file)
    except (NotFound, Refused) as error:
        return Inspected(request.filename, error.sentence)
    return Inspected(request.filename, "")
