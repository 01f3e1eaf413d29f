"""Commands made from the table of operations."""

from __future__ import annotations

import asyncio
import inspect
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import msgspec
import structlog
import typer

from affineur.cli.documents import document_at, documents_at, text_at, write_documents
from affineur.cli.environment import installed
from affineur.cli.fetched import document_from
from affineur.cli.show import check_form, forms, one_of, progress_shown, show
from affineur.operations.operation import STANDARD_STREAM, Kind, Operation, takes_many
from affineur.policy.policies import configured

EXIT_FOUND, EXIT_UNSURE = 3, 4

_WHERE: tuple[tuple[str, Any, Any], ...] = (
    ("data", str | None, typer.Option("--data", help="The data folder; it may be in use by a running server.")),
    ("config", Path | None, typer.Option("--config", help="The configuration file (TOML).")),
    ("server", str | None, typer.Option("--server", envvar="AFFINEUR_SERVER", help="Act on this server instead.")),
    ("token", str | None, typer.Option("--token", envvar="AFFINEUR_TOKEN", help="The token for --server.")),
)

_PYTHON = inspect.Parameter(
    "python",
    inspect.Parameter.KEYWORD_ONLY,
    default="",
    annotation=Annotated[str, typer.Option("--python", help="The environment of this interpreter instead.")],
)


def _plain(kind: Any) -> Any:
    """Return the type below its annotation."""
    return getattr(kind, "__origin__", kind) if hasattr(kind, "__metadata__") else kind


def _description(kind: Any) -> tuple[str, dict[str, Any]]:
    for meta in getattr(kind, "__metadata__", ()):
        if isinstance(meta, msgspec.Meta):
            return meta.description or "", meta.extra or {}
    return "", {}


def _parameter(field: msgspec.structs.FieldInfo) -> inspect.Parameter:
    """Turn a field of a request into a parameter as Typer reads it."""
    text, extra = _description(field.type)
    kind = str if extra.get("documents") or extra.get("fetched") else _plain(field.type)
    default: Any = ... if field.required else field.default
    if default is msgspec.NODEFAULT and field.default_factory is not msgspec.NODEFAULT:
        default = field.default_factory()
    name = f"--{field.name.replace('_', '-')}"
    if extra.get("environment"):
        kind, default = bool, False
    elif takes_many(field) and not extra.get("one"):
        if extra.get("positional"):
            kind, default = list[str] | None if default is not ... else list[str], default if default is ... else None
        else:
            kind, default = list[str], default if default is ... else list(default)
    if extra.get("positional"):
        made: Any = typer.Argument(help=text)
    else:
        made = typer.Option(*extra.get("names", []), name, help=text)
    return inspect.Parameter(
        field.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if default is ... else default,
        annotation=Annotated[kind, made],
    )


def _value(field: msgspec.structs.FieldInfo, given: dict[str, Any]) -> Any:
    """Turn what Typer read into the field's value."""
    _, extra = _description(field.type)
    if path_field := extra.get("text_of"):
        path = given[path_field]
        return text_at(path) if path not in {"", STANDARD_STREAM} and Path(path).exists() else ""
    value = given[field.name]
    if extra.get("from_server"):
        return value or ""
    if extra.get("environment"):
        return installed(given["python"]) if value or given["python"] else []
    if extra.get("fetched"):
        return [asyncio.run(document_from(address)) for address in _listed(value, apart=False)]
    if extra.get("documents"):
        paths = [value] if extra.get("one") else _listed(value, apart=not extra.get("positional"))
        return documents_at(paths, follow=extra["follow"]) if takes_many(field) else document_at(value)
    if extra.get("file") and value:
        return text_at(value)
    return _listed(value, apart=not extra.get("positional")) if takes_many(field) else value


def _listed(value: list[str] | None, *, apart: bool) -> list[str]:
    """Return several values: given one by one, in options also separated by commas."""
    if not apart:
        return list(value or [])
    return [part.strip() for text in value or [] for part in text.split(",") if part.strip()]


def _is_filled(field: msgspec.structs.FieldInfo) -> bool:
    """Whether a field has no parameter of its own: commands know its value by another."""
    _, extra = _description(field.type)
    return "text_of" in extra or "from_server" in extra


def _writable(fields: tuple[msgspec.structs.FieldInfo, ...], request: Any) -> set[str]:
    """Return the paths that a command was given to work on or to write to; "-" where none of the latter."""
    paths: set[str] = set()
    for field in fields:
        _, extra = _description(field.type)
        value = getattr(request, field.name)
        if extra.get("output"):
            paths.add(value or STANDARD_STREAM)
        elif extra.get("documents"):
            paths |= {document.name for document in (value if takes_many(field) else (value,))}
    return paths


def command_of(operation: Operation) -> Callable[..., None]:
    """Return the function that Typer turns into the operation's command."""
    fields = msgspec.structs.fields(operation.request)
    parameters = [_parameter(field) for field in fields if not _is_filled(field)]
    parameters += [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind, made])
        for name, kind, made in _WHERE
        if name not in {field.name for field in fields if not _is_filled(field)}
    ]
    if any(_description(field.type)[1].get("environment") for field in fields):
        parameters.append(_PYTHON)
    form = typer.Option("--format", help=f"{one_of(['table', 'json', *forms(operation)])}.")
    parameters.append(
        inspect.Parameter("form", inspect.Parameter.KEYWORD_ONLY, default="table", annotation=Annotated[str, form])
    )
    for name, wanted, text in (
        ("quiet", operation.brief is not None, "Print the essential alone."),
        ("yes", operation.kind is Kind.DESTROY, "Do not ask."),
    ):
        if wanted:
            made = typer.Option(f"--{name}", help=text)
            parameters.append(
                inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Annotated[bool, made])
            )

    def command(**given: Any) -> None:
        check_form(operation, given["form"])
        request = operation.checked(operation.request(**{field.name: _value(field, given) for field in fields}))
        if operation.kind is Kind.DESTROY and not given["yes"] and not operation.looks_only(request):
            typer.confirm(f"{operation.name} {_told(request)}?", abort=True)
        result = _run(operation, request, given)
        streamed = False
        if operation.writes is not None:
            made = operation.writes(result)
            streamed = write_documents(made, _writable(fields, request), show_text=given["form"] == "table")
        if given.get("quiet") and operation.brief is not None:
            typer.echo(operation.brief(result))
        else:
            show(operation, result, given["form"], aside=streamed)
        if operation.found(result):
            raise typer.Exit(EXIT_FOUND)
        if operation.unsure(result):
            raise typer.Exit(EXIT_UNSURE)

    command.__doc__ = operation.help
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def _told(request: msgspec.Struct) -> str:
    return " ".join(str(value) for value in msgspec.structs.asdict(request).values() if value)


def _run(operation: Operation, request: Any, given: dict[str, Any]) -> Any:
    if (made := operation.alone(request)) is not None:
        return made
    with progress_shown() as progress:
        if given.get("server"):
            from affineur.client import Client

            fields = msgspec.to_builtins(request)
            answer = Client(given["server"], given.get("token") or "").call(operation.name, progress=progress, **fields)
            return msgspec.convert(answer, inspect.signature(operation.run, eval_str=True).return_annotation)
        return asyncio.run(_run_here(operation, request, given, progress))


async def _run_here(operation: Operation, request: Any, given: dict[str, Any], progress: Any) -> Any:
    from affineur.app import App
    from affineur.model.principals import Principal, Right

    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    app = App(configured(given.get("config"), {"data": given.get("data")}))
    principal = Principal(sitting_here(), "", frozenset({"*"}), frozenset(Right))
    try:
        return await operation.run(app.site.context(principal, progress, at_hand=True), request)
    finally:
        await app.close()


def sitting_here() -> str:
    """Return who sits at this machine, for the ledger."""
    return os.environ.get("SUDO_USER") or os.environ.get("USER") or f"uid {os.getuid()}"


def add_commands(app: typer.Typer, table: tuple[Operation, ...], groups: dict[str, str]) -> dict[str, typer.Typer]:
    """Add a command for every operation; return the groups made for two-word names, whose help is given."""
    made: dict[str, typer.Typer] = {}
    for operation in table:
        group, _, verb = operation.name.rpartition(" ")
        parent = app
        if group:
            if group not in made:
                made[group] = typer.Typer(help=groups[group], no_args_is_help=True)
                app.add_typer(made[group], name=group)
            parent = made[group]
        parent.command(verb)(command_of(operation))
    return made
