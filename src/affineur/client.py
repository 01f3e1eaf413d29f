"""The library that a script imports: the operations of a server as calls.

from affineur.client import Client

client = Client("https://packages.example.org", token="affineur-...")
client.call("token list")
client.call("withdraw yank", release="gouda==1.0", reason="holes too large")
"""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import msgspec

from affineur.errors import AffineurError, Invalid
from affineur.operations.context import Progress, silent
from affineur.operations.table import TABLE

_BY_NAME = {operation.name: operation for operation in TABLE}


class Answered(AffineurError):
    """What a server answered instead of a result."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Client:
    """A server, and the token it is asked with."""

    def __init__(self, server: str, token: str = "") -> None:
        self.server, self._token = server.rstrip("/"), token

    def call(self, operation: str, /, *, progress: Progress = silent, **fields: Any) -> Any:
        """Run an operation of the table by its name; return its result as plain values.

        Raises:
            Answered: the server refused, with its sentence.
            Invalid: there is no such operation.
        """
        return asyncio.run(self.ask(operation, fields, progress))

    async def ask(self, operation: str, fields: dict[str, Any], progress: Progress = silent) -> Any:
        """Run an operation inside an event loop; as `call`."""
        found = _BY_NAME.get(operation)
        if found is None:
            raise Invalid(f"{operation!r} is no operation; there are {', '.join(_BY_NAME)}")
        try:
            body = msgspec.json.encode(fields)
        except (OverflowError, UnicodeEncodeError, TypeError) as error:
            raise Invalid(f"{operation}: this cannot be sent: {error}") from error
        headers = {"Accept": "application/x-ndjson", "Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        address = f"{self.server}/api/v1/{found.path}"
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
                session.post(address, data=body, headers=headers) as response,
            ):
                return await _result(response, progress)
        except (aiohttp.ClientError, OSError) as error:
            raise AffineurError(f"{self.server} does not answer: {error}") from error


async def _result(response: aiohttp.ClientResponse, progress: Progress) -> Any:
    if response.status != 200:
        raise Answered(response.status, response.reason or f"the server answered {response.status}")
    rest = b""
    async for part in response.content.iter_any():
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            told = msgspec.json.decode(line)
            if "result" in told:
                return told["result"]
            if "problem" in told:
                raise Answered(told["problem"]["status"], told["problem"]["detail"])
            progress(told["done"], told["total"], told["text"])
    raise AffineurError("the server ended its answer before the result")
