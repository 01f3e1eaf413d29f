"""A text file at an address, fetched where the command is run."""

from __future__ import annotations

import tempfile
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from affineur.cli.documents import text_at
from affineur.operations.operation import Document

_LARGEST = 16 * 2**20


async def document_from(address: str) -> Document:
    """Fetch a file with pip's certificates and proxy; its name is the address without what may be secret in it.

    Raises:
        Invalid: the address is not of http or https, or the file is no UTF-8.
        UpstreamUnavailable: it does not answer.
        UpstreamBroken: it answers with an error, or with more than 16 MiB.
    """
    from affineur.sources.feed import download
    from affineur.sources.pip_settings import read_pip_settings

    with tempfile.TemporaryDirectory(prefix="affineur-") as folder:
        target = Path(folder) / "fetched"
        await download(address, "", target, read_pip_settings(), lambda _done, _whole: None, _LARGEST)
        parts = urlsplit(address)
        shown = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
        return Document(shown, text_at(str(target)))
