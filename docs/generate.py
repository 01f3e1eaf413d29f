"""Writes the reference pages from the tables in the program: python docs/generate.py."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer.main

from affineur import errors
from affineur.cli.main import app
from affineur.settings import SETTINGS
from affineur.web.problems import STATUS
from affineur.web.routes import ROUTES

HERE = Path(__file__).parent
NOTE = "<!-- Written by docs/generate.py; change the tables in the program or the text there. -->\n\n"
TYPES = {str: "text", int: "whole number", float: "number", bool: "true or false"}


def _default(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value).replace("'", '"') if isinstance(value, str) else f"{value:g}" if value < 10**5 else str(value)


def settings() -> str:
    """The page of settings: the hand-written head, then a heading for every row of the table."""
    head = (HERE / "settings.head.txt").read_text(encoding="utf-8")
    rows = [
        f"## `{s.name}`\n\n{s.help}\n\n"
        f"Type: {TYPES[s.kind]}. Default: `{_default(s.default)}`. Environment: `AFFINEUR_{s.name.upper()}`.\n"
        for s in SETTINGS
    ]
    return NOTE + head + "\n" + "\n".join(rows)


def commands(typer_app: Any, prefix: str = "affineur") -> Iterator[tuple[str, Any]]:
    """Every command with its whole name, groups left out."""
    root = typer.main.get_command(typer_app) if isinstance(typer_app, typer.Typer) else typer_app
    inner = getattr(root, "commands", None)
    if inner is None:
        yield prefix, root
        return
    for name, command in inner.items():
        if not command.hidden:
            yield from commands(command, f"{prefix} {name}")


def _usage(name: str, command: Any) -> str:
    words = [name]
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            word = parameter.name.upper() + ("..." if parameter.nargs == -1 else "")
            words.append(word if parameter.required else f"[{word}]")
    return " ".join([*words, "[options]"])


def _option(option: Any) -> str:
    names = ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
    text = " ".join((option.help or "").split())
    return f"- {names}{': ' + text if text else ''}{' Required.' if option.required else ''}"


def _command(name: str, command: Any) -> str:
    options = [p for p in command.params if p.param_type_name == "option" and p.name != "help"]
    text = inspect.cleandoc(command.help or "").split("\f")[0].strip()
    parts = [f"## `{name}`", text, f"```\n{_usage(name, command)}\n```"]
    if options:
        parts.append("\n".join(_option(option) for option in options))
    return "\n\n".join(part for part in parts if part) + "\n"


def commands_page() -> str:
    """The page of commands."""
    head = (HERE / "commands.head.txt").read_text(encoding="utf-8")
    return NOTE + head + "\n" + "\n".join(_command(name, command) for name, command in sorted(commands(app)))


def _subclasses(error: type[errors.AffineurError]) -> Iterator[type[errors.AffineurError]]:
    yield error
    for inner in error.__subclasses__():
        if inner.__module__ == errors.__name__:
            yield from _subclasses(inner)


def errors_page() -> str:
    """The page of errors: the tree, then a heading for each."""
    drawn = "\n".join(line[4:] for line in (errors.__doc__ or "").splitlines() if line.startswith("    "))
    parts = [
        (
            "# Errors\n\nEvery error has a *kind*. It gives the status of an HTTP answer, whose reason phrase and problem "
            "document (`application/problem+json`) hold the error's sentence, and the exit code of a command.\n"
        ),
        f"```text\n{drawn}\n```\n",
    ]
    for error in _subclasses(errors.AffineurError):
        data = [name for name in inspect.signature(error.__init__).parameters if name not in {"self", "sentence"}]
        known = f" It knows: {', '.join(f'`{name}`' for name in data)}." if data else ""
        text = " ".join(inspect.cleandoc(error.__doc__ or "").split())
        parts.append(
            f"## `{error.__name__}`\n\n{text}{known}\n\nKind `{error.kind}`, HTTP status {STATUS[error.kind]}.\n"
        )
    return NOTE + "\n".join(parts)


def routes() -> str:
    """The page of addresses."""
    grouped: dict[str, list[str]] = {}
    for route in ROUTES:
        grouped.setdefault(route.pattern, []).append(f"{', '.join(sorted(route.methods))}: {route.help}")
    head = (
        "# Addresses\n\nEvery address that the server knows, in the order in which they are tried. "
        "`{place}` is made of the file's SHA-256, so an address of a file always means the same bytes.\n"
    )
    return (
        NOTE + head + "\n" + "\n".join(f"## `{path}`\n\n" + "\n\n".join(told) + "\n" for path, told in grouped.items())
    )


PAGES: dict[str, Callable[[], str]] = {
    "settings.md": settings,
    "commands.md": commands_page,
    "errors.md": errors_page,
    "routes.md": routes,
}


def main() -> None:
    """Write every page."""
    for name, page in PAGES.items():
        (HERE / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
