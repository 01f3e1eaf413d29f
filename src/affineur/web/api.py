"""The operations over HTTP: /api/v1, and what describes it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from html import escape
from typing import Any

import msgspec
from aiohttp import web
from aiohttp.web_request import BaseRequest

from affineur.errors import AffineurError, Forbidden, Invalid, MethodNotAllowed, NotFound, Unauthenticated
from affineur.model.principals import NOBODY, Principal
from affineur.operations.operation import Kind, Operation, takes_many
from affineur.operations.table import BY_PATH, TABLE
from affineur.policy.settings import suggestion
from affineur.web import problems
from affineur.web.bodies import read_bounded
from affineur.web.site import Site

_LARGEST_BODY = 64 * 2**20
_LINES = "application/x-ndjson"


async def call(site: Site, request: BaseRequest, operation: str) -> web.StreamResponse:
    """Run an operation: GET with a query for those that read, POST with a JSON body for all.

    With `Accept: application/x-ndjson` the answer is a line of JSON for each step, then the result.
    """
    found = BY_PATH.get(operation)
    if found is None:
        raise NotFound(f"{operation}: there is no such operation; /api/docs lists them")
    if found.kind is not Kind.READ and request.method != "POST":
        raise MethodNotAllowed(f"{operation} changes something: use POST")
    principal = await site.access.principal(request.headers.get("Authorization"), request.remote or "")
    if principal is NOBODY:
        raise Unauthenticated
    given = await _given(request, found)
    place = found.place(given)
    if place == "":
        place = site.config.default_index
    if not principal.may(found.right, place):
        raise Forbidden(f"this token lacks the right {found.right} in {place or 'any index'}")
    if _LINES in request.headers.get("Accept", ""):
        return await _in_steps(site, request, found, given, principal)
    result = await found.run(site.context(principal), given)
    return _json(msgspec.json.encode(result))


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, headers={"Content-Type": "application/json", "Cache-Control": "no-store"})


async def _given(request: BaseRequest, operation: Operation) -> Any:
    """Read the operation's request from the body or the query.

    Raises:
        Invalid: it is not as the operation wants it.
    """
    try:
        if request.method == "POST":
            body = await read_bounded(request, _LARGEST_BODY, "the request") or b"{}"
            _check_names(operation, msgspec.json.decode(body, type=dict[str, msgspec.Raw]))
            return operation.checked(msgspec.json.decode(body, type=operation.request))
        query = {key: request.query.getall(key) for key in request.query}
        _check_names(operation, query)
        lists = {f.name for f in msgspec.structs.fields(operation.request) if takes_many(f)}
        plain = {key: values if key in lists else values[-1] for key, values in query.items()}
        return operation.checked(msgspec.convert(plain, operation.request, strict=False))
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Invalid(f"{operation.path}: {error}") from error


def _check_names(operation: Operation, given: Collection[str]) -> None:
    """Check that fields exist: one that is misspelt would count as not given, and might have been a limit."""
    known = [field.encode_name for field in msgspec.structs.fields(operation.request)]
    for name in given:
        if name not in known:
            raise Invalid(
                f"{operation.path}: no field {name[:80]!r}{suggestion(name, known)}; there are {', '.join(known)}"
            )


async def _in_steps(
    site: Site, request: BaseRequest, operation: Operation, given: Any, principal: Principal
) -> web.StreamResponse:
    """Run an operation and send its progress as lines; the last line is the result or the problem.

    What was asked for is done to its end, also where who asked hangs up.
    """
    steps: asyncio.Queue[bytes | None] = asyncio.Queue()

    def progress(done: int, total: int, text: str) -> None:
        steps.put_nowait(msgspec.json.encode({"done": done, "total": total, "text": text}))

    async def run() -> bytes:
        try:
            return msgspec.json.encode({"result": await operation.run(site.context(principal, progress), given)})
        except AffineurError as error:
            return msgspec.json.encode({"problem": problems.document(error, request.path)})
        finally:
            steps.put_nowait(None)

    task = asyncio.create_task(run())
    response = web.StreamResponse(headers={"Content-Type": _LINES, "Cache-Control": "no-store"})
    try:
        await response.prepare(request)
        while (step := await steps.get()) is not None:
            await response.write(step + b"\n")
        await response.write(await task + b"\n")
        await response.write_eof()
    except ConnectionError:
        await asyncio.wait({task})
        raise
    finally:
        task.cancel()
    return response


def _schema() -> dict[str, Any]:
    requests = [operation.request for operation in TABLE]
    schemas, components = msgspec.json.schema_components(requests, ref_template="#/components/schemas/{name}")
    paths = {}
    for operation, schema in zip(TABLE, schemas, strict=True):
        paths[f"/api/v1/{operation.path}"] = {
            "post": {
                "operationId": operation.name.replace(" ", "_"),
                "summary": operation.help.splitlines()[0],
                "requestBody": {"content": {"application/json": {"schema": schema}}},
                "responses": {
                    "200": {"description": "The result.", "content": {"application/json": {}}},
                    "default": {"description": "A problem (RFC 9457).", "content": {"application/problem+json": {}}},
                },
                "security": [{"token": []}],
            }
        }
    return {
        "openapi": "3.1.0",
        "info": {"title": "affineur", "version": "1"},
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    }


async def openapi(site: Site, request: BaseRequest) -> web.StreamResponse:
    """The operations as OpenAPI."""
    del site, request
    return _json(msgspec.json.encode(_schema()))


async def docs(site: Site, request: BaseRequest) -> web.StreamResponse:
    """The operations for people."""
    del site, request
    rows = "".join(_row(operation) for operation in TABLE)
    page = (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>affineur: operations</title></head><body>'
        "<h1>Operations</h1><p>POST a JSON object to /api/v1/ and the name, with a token as Bearer. "
        'The same as <a href="/api/v1/openapi.json">OpenAPI</a>.</p>'
        f"<dl>{rows}</dl></body></html>"
    )
    return web.Response(body=page.encode(), headers={"Content-Type": "text/html; charset=utf-8"})


def _row(operation: Operation) -> str:
    fields = "".join(
        f"<li><code>{escape(field.encode_name)}</code></li>" for field in msgspec.structs.fields(operation.request)
    )
    return f"<dt><code>/api/v1/{operation.path}</code></dt><dd>{escape(operation.help)}<ul>{fields}</ul></dd>"
