"""The `affineur` command.

Exit codes: 0 done; 1 an error that a sentence explains; 2 wrong use of the command;
3 the check asked for found something; 4 it found nothing, but could not look at everything.
"""

from __future__ import annotations

import sys
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from affineur.cli.commands import add_commands
from affineur.config import Config
from affineur.errors import AffineurError, InvalidConfig
from affineur.operations.table import TABLE
from affineur.policy.policies import configured

EXIT_ERROR, EXIT_FOUND = 1, 3

GROUPS = {
    "user": "Users.",
    "token": "Tokens, with which programs prove who they are.",
    "job": "Work done in the background.",
    "index": "Indexes and who may claim names in them.",
    "withdraw": "Yank or delete releases, and take it back; set the status of projects.",
    "ledger": "The record of every change.",
    "report": "What is held and used.",
    "mirror": "Mirrors filled ahead of time.",
    "monitor": "Locks that are watched, and the alerts about them.",
    "notify": "Messages on their way to people and programs.",
    "names": "Names that are easily confused.",
    "hashes": "Hashes of requirements files.",
    "advisories": "Records of vulnerabilities and malware.",
    "policy": "The rules that files are judged by.",
    "waiver": "Exceptions that people grant.",
}
"""The help of each group of commands."""

app = typer.Typer(no_args_is_help=True, add_completion=False)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"affineur {metadata.version('affineur')}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", help="Say which version this is.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """A Python package index that vouches for every wheel."""
    del version


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="The port to listen on.")] = None,
    workers: Annotated[int | None, typer.Option(help="Server processes that share the port.")] = None,
    upstream: Annotated[str | None, typer.Option(help="The upstream of the mirror `public`.")] = None,
    tls_cert: Annotated[str | None, typer.Option(help="Certificate chain (PEM).")] = None,
    tls_key: Annotated[str | None, typer.Option(help="Private key (PEM).")] = None,
    data: Annotated[str | None, typer.Option("--data", help="The data folder.")] = None,
    config: Annotated[Path | None, typer.Option("--config", help="The configuration file (TOML).")] = None,
) -> None:
    """Run the server."""
    from affineur.cli.serve import serve as run_server

    given = {"host": host, "port": port, "workers": workers, "tls_cert": tls_cert, "tls_key": tls_key, "data": data}
    overrides = {key: value for key, value in given.items() if value is not None}

    def reload() -> Config:
        return configured(config, overrides, upstream=upstream)

    run_server(reload(), reload)


@app.command()
def worker(
    data: Annotated[str | None, typer.Option("--data", help="The data folder; servers may use it too.")] = None,
    config: Annotated[Path | None, typer.Option("--config", help="The configuration file (TOML).")] = None,
) -> None:
    """Do work in the background until told to stop, beside servers whose run_jobs is off, or with them."""
    from affineur.cli.serve import work

    work(configured(config, {"data": data}))


@app.command()
def check(
    config: Annotated[Path | None, typer.Option("--config", help="The configuration file (TOML).")] = None,
    data: Annotated[str | None, typer.Option("--data", help="The data folder.")] = None,
) -> None:
    """Check the configuration, and the age of the advisories held, and say what is wrong."""
    checked = configured(config, {"data": data})
    if checked.database or checked.data_path.exists():
        from affineur.cli.greeting import check_data

        for text in check_data(checked):
            typer.echo(text)
    if any(mirror.upstream == "pip" for mirror in checked.mirrors.values()):
        from affineur.sources.pip_settings import read_pip_settings

        if left_out := read_pip_settings().ignored:
            typer.echo(f"not taken over from pip's configuration: {', '.join(left_out)}")
    typer.echo(f"{checked.origin}: no problems; indexes {', '.join(sorted(checked.indexes))}")


groups = add_commands(app, TABLE, GROUPS)


class Least(StrEnum):
    """The level from which on a name counts as flagged."""

    WARN = "warn"
    DENY = "deny"


@groups["names"].command("check")
def check_names(
    names: Annotated[list[str] | None, typer.Argument(help="Names; `-` or none: one a line of standard input.")] = None,
    level: Annotated[Least, typer.Option(help="Flag warnings and denials, or denials alone.")] = Least.WARN,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with 3 when a name is flagged.")] = False,
    data: Annotated[
        str | None, typer.Option("--data", help="The data folder; names uploaded there count, and a list refreshed.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="The configuration file; names it reserves count.")
    ] = None,
) -> None:
    """Tell which names are easily taken for a popular project, one you own or a standard-library module.

    Each gives a line of JSON with name, flagged, target, kind and level.
    """
    from affineur.cli.names import check as check_all

    found = check_all(names or [], denials_only=level is Least.DENY, data=data, config=config)
    if found and exit_code:
        raise typer.Exit(EXIT_FOUND)


def run() -> None:
    """Run the command; errors become a sentence and an exit code."""
    try:
        app()
    except InvalidConfig as error:
        for problem in error.problems:
            typer.echo(f"{error.origin}: {problem}", err=True)
        sys.exit(EXIT_ERROR)
    except AffineurError as error:
        typer.echo(f"affineur: {error.sentence}", err=True)
        sys.exit(EXIT_ERROR)
