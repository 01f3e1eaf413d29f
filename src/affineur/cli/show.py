"""Results and progress on a terminal, or plain where there is none."""

from __future__ import annotations

import contextlib
import inspect
import sys
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import typer

from affineur.operations.context import Progress
from affineur.operations.operation import Operation
from affineur.operations.rows import as_csv, cell


def forms(operation: Operation) -> Mapping[str, Callable[[Any], str]]:
    """Return what `--format` offers besides table and json: what the operation makes, and CSV of lists."""
    made = inspect.signature(operation.run, eval_str=True).return_annotation
    return {**({"csv": as_csv} if typing.get_origin(made) is list else {}), **operation.forms}


def check_form(operation: Operation, form: str) -> None:
    """Refuse a form in which the operation's result cannot be printed.

    Raises:
        BadParameter: it is none of them.
    """
    known = ["table", "json", *forms(operation)]
    if form not in known:
        raise typer.BadParameter(f"{form!r}: {one_of(known)} is wanted", param_hint="--format")


def show(operation: Operation, result: Any, form: str, *, aside: bool = False) -> None:
    """Print a result: JSON, the operation's own words, or a table; `aside`: on standard error."""
    if form == "json":
        typer.echo(msgspec.json.encode(result).decode())
    elif (made := forms(operation).get(form)) is not None:
        if text := made(result).rstrip("\n"):
            typer.echo(text)
    elif operation.say is not None:
        if text := operation.say(result):
            typer.echo(text, err=aside)
    elif isinstance(result, list):
        _table([{name: cell(value) for name, value in msgspec.to_builtins(row).items()} for row in result])
    else:
        for name, value in msgspec.to_builtins(result).items():
            typer.echo(f"{name}: {cell(value)}", err=aside)


def one_of(words: Sequence[str]) -> str:
    """Return words as a choice: "table, json or csv"."""
    return f"{', '.join(words[:-1])} or {words[-1]}"


def _table(rows: list[dict[str, str]]) -> None:
    """Print rows in aligned columns under their names; nothing where there are none."""
    if not rows:
        return
    widths = {name: max(len(name), *(len(row[name]) for row in rows)) for name in rows[0]}
    for row in ({name: name for name in widths}, *rows):
        typer.echo("  ".join(row[name].ljust(width) for name, width in widths.items()).rstrip())


@contextlib.contextmanager
def progress_shown() -> Iterator[Progress]:
    """Show progress as a bar on a terminal, else as a line at each tenth of the work."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None, visible=False)

        def told(done: int, total: int, text: str) -> None:
            bar.update(task, completed=done, total=total or None, description=cell(text), visible=True)

        yield told


class _Lines:
    """Progress as lines on standard error."""

    def __init__(self) -> None:
        self._said = -1

    def __call__(self, done: int, total: int, text: str) -> None:
        tenth = done * 10 // total if total else done // 100
        if tenth != self._said:
            self._said = tenth
            typer.echo(f"{done}{f'/{total}' if total else ''} {cell(text)}", err=True)
