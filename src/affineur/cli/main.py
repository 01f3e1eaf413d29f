"""The `affineur` command.

Exit codes: 0 done; 1 an error that a sentence explains; 2 wrong use of the command;
3 the check asked for found something.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from affineur.config import Config, load
from affineur.errors import AffineurError, InvalidConfig
from affineur.operations import accounts, withdraw
from affineur.storage.catalog import blobs, hosted, ledger, principals
from affineur.storage.catalog.database import Catalog
from affineur.storage.changes import ChangeCounter

EXIT_ERROR, EXIT_FOUND = 1, 3

app = typer.Typer(
    help="A Python package index that vouches for every wheel.", no_args_is_help=True, add_completion=False
)
users = typer.Typer(help="Users.", no_args_is_help=True)
tokens = typer.Typer(help="Tokens, with which programs prove who they are.", no_args_is_help=True)
indexes = typer.Typer(help="Indexes and who may claim names in them.", no_args_is_help=True)
withdrawals = typer.Typer(help="Yank, unyank, delete releases; mark projects.", no_args_is_help=True)
ledgers = typer.Typer(help="The record of every change.", no_args_is_help=True)
reports = typer.Typer(help="What is held and used.", no_args_is_help=True)
for name, group in (
    ("user", users), ("token", tokens), ("index", indexes), ("withdraw", withdrawals), ("ledger", ledgers), ("report", reports),
):  # fmt: skip
    app.add_typer(group, name=name)

Data = Annotated[str | None, typer.Option("--data", help="The data folder; it may be in use by a running server.")]
File = Annotated[Path | None, typer.Option("--config", help="The configuration file (TOML).")]
Form = Annotated[str, typer.Option("--format", help="table or json.")]
Source = Annotated[str, typer.Option("--source", help="The hosted source.")]


def _catalog(config: Config) -> Catalog:
    config.data_path.mkdir(parents=True, exist_ok=True)
    catalog = Catalog.open(config.database_url)
    counter = ChangeCounter(config.data_path / "changes")
    catalog.on_commit(lambda _serial: counter.bump())
    return catalog


def _open(data: str | None, config: Path | None = None) -> Catalog:
    return _catalog(load(config, {"data": data}))


def _show(rows: Sequence[dict[str, Any]], form: str) -> None:
    if form == "json":
        typer.echo(json.dumps(rows))
        return
    for row in rows:
        typer.echo("  ".join(str(value) for value in row.values()))


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="The port to listen on.")] = None,
    workers: Annotated[int | None, typer.Option(help="Server processes that share the port.")] = None,
    upstream: Annotated[str | None, typer.Option(help="The upstream of the mirror `public`.")] = None,
    tls_cert: Annotated[str | None, typer.Option(help="Certificate chain (PEM).")] = None,
    tls_key: Annotated[str | None, typer.Option(help="Private key (PEM).")] = None,
    data: Data = None,
    config: File = None,
) -> None:
    """Run the server."""
    from affineur.cli.serve import serve as run_server

    given = {"host": host, "port": port, "workers": workers, "tls_cert": tls_cert, "tls_key": tls_key, "data": data}
    overrides = {key: value for key, value in given.items() if value is not None}

    def reload() -> Config:
        return load(config, overrides, upstream=upstream)

    run_server(reload(), reload)


@app.command()
def check(config: File = None, data: Data = None) -> None:
    """Check the configuration and say what is wrong with it."""
    checked = load(config, {"data": data})
    typer.echo(f"{checked.origin}: no problems; indexes {', '.join(sorted(checked.indexes))}")


@users.command("add")
def user_add(
    name: str, admin: Annotated[bool, typer.Option(help="May administer everything.")] = False, data: Data = None
) -> None:
    """Add a user."""
    accounts.add_user(_open(data), name, admin=admin)
    typer.echo(f"added {name}")


@users.command("list")
def user_list(data: Data = None, form: Form = "table") -> None:
    """List the users."""
    _show([{"name": name} for name in _open(data).read_now(principals.users)], form)


@tokens.command("create")
def token_create(
    user: Annotated[str, typer.Option(help="Whose token it is.")],
    index: Annotated[str, typer.Option(help="Indexes or sources, separated by commas; * for all.")] = "*",
    rights: Annotated[str, typer.Option(help="read, upload, promote, admin, separated by commas.")] = "read",
    project: Annotated[str, typer.Option(help="Limit uploads to these projects.")] = "",
    days: Annotated[float | None, typer.Option(help="Days until it expires.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print the token alone.")] = False,
    data: Data = None,
) -> None:
    """Create a token; its secret is shown once."""
    lists = [[part.strip() for part in text.split(",") if part.strip()] for text in (index, rights, project)]
    made = accounts.create_token(_open(data), user, lists[0], lists[1], lists[2], days)
    typer.echo(made.secret if quiet else f"token {made.id}, shown only now (user name __token__):\n{made.secret}")


@tokens.command("list")
def token_list(data: Data = None, form: Form = "table") -> None:
    """List the tokens without their secrets."""
    _show([asdict(row) for row in _open(data).read_now(principals.list_tokens)], form)


@tokens.command("revoke")
def token_revoke(token_id: str, data: Data = None) -> None:
    """Revoke a token at once."""
    _open(data).write_now(principals.revoke, token_id)
    typer.echo(f"revoked {token_id}")


@indexes.command("list")
def index_list(config: File = None, data: Data = None, form: Form = "table") -> None:
    """List the indexes with their sources."""
    loaded = load(config, {"data": data})
    rows = [{"name": i.name, "sources": ",".join(i.sources), "policy": i.policy} for i in loaded.indexes.values()]
    _show(rows, form)


@indexes.command("claim")
def index_claim(project: str, data: Data = None) -> None:
    """Grant that a name served from outside may be claimed by an upload."""
    from affineur.model.names import project_name

    _open(data).write_now(hosted.grant_claim, project_name(project), "administrator")
    typer.echo(f"{project} may be claimed")


def _release(text: str) -> tuple[str, str]:
    project, separator, version = text.partition("==")
    if not separator:
        raise typer.BadParameter(f"{text!r}: a release is written NAME==VERSION")
    return project, version


@withdrawals.command("yank")
def withdraw_yank(
    release: str,
    source: Source = "internal",
    reason: Annotated[str, typer.Option(help="Shown by pip.")] = "",
    data: Data = None,
) -> None:
    """Yank a release: only exact pins still get it."""
    for filename in withdraw.yank(_open(data), source, *_release(release), reason):
        typer.echo(f"yanked {filename}")


@withdrawals.command("unyank")
def withdraw_unyank(release: str, source: Source = "internal", data: Data = None) -> None:
    """Take a yank back."""
    for filename in withdraw.unyank(_open(data), source, *_release(release)):
        typer.echo(f"unyanked {filename}")


@withdrawals.command("delete")
def withdraw_delete(
    release: str,
    source: Source = "internal",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data: Data = None,
) -> None:
    """Delete a release; its file names are never used again."""
    if not yes:
        typer.confirm(f"delete {release} from {source}?", abort=True)
    for filename in withdraw.delete(_open(data), source, *_release(release)):
        typer.echo(f"deleted {filename}")


@withdrawals.command("mark")
def withdraw_mark(
    project: str,
    status: str,
    source: Source = "internal",
    reason: Annotated[str, typer.Option(help="One line.")] = "",
    data: Data = None,
) -> None:
    """Mark a project active, archived, deprecated or quarantined (PEP 792)."""
    withdraw.set_status(_open(data), source, project, status, reason)
    typer.echo(f"{project} is {status}")


@ledgers.command("verify")
def ledger_verify(data: Data = None) -> None:
    """Prove the chain, or name the first broken entry."""
    catalog = _open(data)
    broken = catalog.read_now(ledger.first_broken)
    if broken is not None:
        typer.echo(f"entry {broken} does not fit the chain", err=True)
        raise typer.Exit(EXIT_FOUND)
    typer.echo(f"{catalog.read_now(ledger.head)} entries, the chain is whole")


@ledgers.command("log")
def ledger_log(
    after: Annotated[int, typer.Option(help="Entries after this serial.")] = 0,
    limit: Annotated[int, typer.Option(help="How many.")] = 1000,
    data: Data = None,
    form: Form = "table",
) -> None:
    """Print entries of the ledger."""
    entries = _open(data).read_now(ledger.after, after, limit)
    _show([{"serial": e.serial, "at": e.at.isoformat(), **asdict(e.event)} for e in entries], form)


@reports.command("cache")
def report_cache(data: Data = None, form: Form = "table") -> None:
    """Print number and bytes of the files held, by origin."""
    totals = _open(data).read_now(blobs.totals)
    _show([{"origin": o, "files": count, "bytes": size} for o, (count, size) in totals.items()], form)


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
