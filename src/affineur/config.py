"""The configuration, made from file, environment and command line."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from affineur.channels.settings import PORTS, networks_of
from affineur.errors import InvalidConfig, InvalidName
from affineur.model.names import index_name, name_pattern
from affineur.settings import BY_NAME, SETTINGS, converted

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


@dataclass(frozen=True, slots=True)
class Mirror:
    """A mirror of an upstream index."""

    name: str
    upstream: str = "pip"
    """The address of the simple API, or "pip": what pip on this machine is configured with."""


@dataclass(frozen=True, slots=True)
class Hosted:
    """A store of uploaded files."""

    name: str
    owns: tuple[str, ...] = ()
    """Patterns (`acme-*`) of names it owns besides those uploaded to it."""


@dataclass(frozen=True, slots=True)
class Index:
    """A served view over sources or other indexes."""

    name: str
    sources: tuple[str, ...] = ()
    policy: str = "open"
    anonymous: bool | None = None
    """Whether reading needs no token; None: unless an upstream below it is asked with credentials."""


@dataclass(frozen=True, slots=True)
class Config:
    """A whole configuration, checked."""

    values: Mapping[str, Any]
    mirrors: Mapping[str, Mirror]
    hosted: Mapping[str, Hosted]
    indexes: Mapping[str, Index]
    policies: Mapping[str, Any] = field(default_factory=dict)
    """The tables of the policies as they stand in the file; `policy.policies` reads them."""
    origin: str = "defaults"

    def __getattr__(self, name: str) -> Any:
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def address(self) -> str:
        """The origin of absolute addresses: `public_url`, else where the server listens."""
        scheme = "https" if self.values["tls_cert"] else "http"
        host = f"[{self.values['host']}]" if ":" in self.values["host"] else self.values["host"]
        return str(self.values["public_url"] or f"{scheme}://{host}:{self.values['port']}").rstrip("/")

    @property
    def data_path(self) -> Path:
        """The data folder as a path."""
        return Path(self.values["data"])

    @property
    def database_url(self) -> str:
        """The database's address as SQLAlchemy writes it."""
        address = str(self.values["database"])
        if not address:
            return f"sqlite:///{(self.data_path / 'catalog.db').absolute()}"
        return address.replace("postgresql://", "postgresql+psycopg://", 1)

    def hosted_of(self, index: str) -> str | None:
        """Return the hosted source that an upload to `index` goes to, or None."""
        if index in self.hosted and index not in self.indexes:
            return index
        for source in self.indexes[index].sources if index in self.indexes else ():
            if source in self.hosted:
                return source
            if source in self.indexes and source != index and (found := self.hosted_of(source)):
                return found
        return None

    def resting_on(self, index: str) -> frozenset[str]:
        """Return the indexes whose pages an index's decisions reach: itself, and those laid over it."""
        over = [one.name for one in self.indexes.values() if index in one.sources and one.name != index]
        return frozenset({index}).union(*(self.resting_on(name) for name in over))


def _default_tables() -> tuple[dict[str, Mirror], dict[str, Hosted], dict[str, Index]]:
    mirrors = {"public": Mirror("public")}
    hosted = {"internal": Hosted("internal")}
    indexes = {
        "public": Index("public", ("public",), "open"),
        "internal": Index("internal", ("internal",), "open"),
        "main": Index("main", ("internal", "public"), "standard"),
        "staging": Index("staging", (), "standard"),
        "production": Index("production", (), "standard"),
    }
    return mirrors, hosted, indexes


def _suggest(word: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(word, list(known), 1)
    return f" (did you mean {close[0]!r}?)" if close else ""


class _Reader:
    """Collects every problem while the tables of a file become values."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def settings(self, where: str, given: Mapping[str, Any]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, raw in given.items():
            if name not in BY_NAME:
                self.problems.append(f"{where}{name}: no such setting{_suggest(name, BY_NAME)}")
                continue
            try:
                values[name] = converted(BY_NAME[name], raw)
            except ValueError as error:
                self.problems.append(f"{where}{name}: {error}")
        return values

    def table(self, where: str, given: Any, fields: Mapping[str, Callable[[Any], Any]]) -> dict[str, Any]:
        if not isinstance(given, dict):
            self.problems.append(f"{where}: a table is wanted")
            return {}
        made: dict[str, Any] = {}
        for key, raw in given.items():
            if key not in fields:
                self.problems.append(f"{where}.{key}: no such key{_suggest(key, fields)}")
                continue
            try:
                made[key] = fields[key](raw)
            except (TypeError, ValueError, InvalidName) as error:
                self.problems.append(f"{where}.{key}: {error}")
        return made

    def tables(self, document: dict[str, Any], where: str) -> dict[str, Any]:
        given = document.pop(where, {})
        if not isinstance(given, dict):
            self.problems.append(f"{where}: a table for each name is wanted")
            return {}
        return given

    def name(self, where: str, name: str) -> None:
        try:
            index_name(name)
        except InvalidName as error:
            self.problems.append(f"{where}: {error.sentence}")


def _text(raw: Any) -> str:
    if not isinstance(raw, str):
        raise TypeError("a text is wanted")
    return raw


def _flag(raw: Any) -> bool:
    if not isinstance(raw, bool):
        raise TypeError("true or false is wanted")
    return raw


def _texts(raw: Any) -> tuple[str, ...]:
    if not isinstance(raw, list) or not all(isinstance(item, str) for item in raw):
        raise TypeError("a list of texts is wanted")
    return tuple(raw)


def _patterns(raw: Any) -> tuple[str, ...]:
    return tuple(name_pattern(text) for text in _texts(raw))


def _tables(reader: _Reader, document: dict[str, Any]) -> tuple[dict[str, Mirror], dict[str, Hosted], dict[str, Index]]:
    mirrors, hosted, indexes = _default_tables()
    for name, given in reader.tables(document, "mirrors").items():
        reader.name(f"mirrors.{name}", name)
        mirrors[name] = Mirror(name, **reader.table(f"mirrors.{name}", given, {"upstream": _text}))
        indexes.setdefault(name, Index(name, (name,)))
    for name, given in reader.tables(document, "hosted").items():
        reader.name(f"hosted.{name}", name)
        hosted[name] = Hosted(name, **reader.table(f"hosted.{name}", given, {"owns": _patterns}))
        indexes.setdefault(name, Index(name, (name,)))
    keys = {"sources": _texts, "policy": _text, "anonymous": _flag}
    for name, given in reader.tables(document, "indexes").items():
        reader.name(f"indexes.{name}", name)
        indexes[name] = replace(indexes.get(name, Index(name)), **reader.table(f"indexes.{name}", given, keys))
    return mirrors, hosted, indexes


def _circle(name: str, config: Config, above: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the indexes from `name` down that lead back to it, itself at both ends; empty where none do."""
    if above and (name in config.mirrors or name in config.hosted or name not in config.indexes):
        return ()
    if name in above:
        return (*above, name) if name == above[0] else ()
    lower = config.indexes[name].sources
    return next((found for part in lower if (found := _circle(part, config, (*above, name)))), ())


def _check_sources(reader: _Reader, config: Config) -> None:
    known = {**config.mirrors, **config.hosted, **config.indexes}
    for index in config.indexes.values():
        for source in index.sources:
            if source not in known:
                reader.problems.append(f"indexes.{index.name}.sources: no source {source!r}{_suggest(source, known)}")
        if circle := _circle(index.name, config):
            reader.problems.append(f"indexes.{index.name}.sources: a circle: {' -> '.join(circle)}")
    for name in config.mirrors.keys() & config.hosted.keys():
        reader.problems.append(f"hosted.{name}: there is a mirror of that name")
    if config.default_index not in config.indexes:
        reader.problems.append(f"default_index: no index {config.default_index!r}")
    if config.explain not in {"phrase", "redirect"}:
        reader.problems.append("explain: 'phrase' or 'redirect' is wanted")
    if config.unhashed_files not in {"refuse", "find-out"}:
        reader.problems.append("unhashed_files: 'refuse' or 'find-out' is wanted")
    if config.record_address not in {"none", "network", "full"}:
        reader.problems.append("record_address: 'none', 'network' or 'full' is wanted")
    if bool(config.tls_cert) != bool(config.tls_key):
        reader.problems.append("tls_cert and tls_key go together")


def _check_channels(reader: _Reader, config: Config) -> None:
    if config.smtp_security not in PORTS:
        reader.problems.append(f"smtp_security: one of {', '.join(PORTS)} is wanted")
    if config.smtp_host and not config.smtp_from:
        reader.problems.append("smtp_from: mail must come from an address; smtp_host is set")
    if config.smtp_user and config.smtp_security == "plain" and config.smtp_host not in _LOOPBACK:
        reader.problems.append("smtp_security: a password is not sent in plain; use starttls or tls")
    try:
        networks_of(config.webhook_networks)
    except ValueError as error:
        reader.problems.append(f"webhook_networks: {error}")


def load(
    path: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    upstream: str | None = None,
    *,
    checks: Sequence[Callable[[Config], list[str]]] = (),
) -> Config:
    """Make the configuration: defaults, then the file, then the environment, then `overrides`.

    `checks` are asked for further problems of the whole.

    Raises:
        InvalidConfig: with every problem found, each with its place.
    """
    environment = os.environ if environment is None else environment
    path = path or (Path(environment["AFFINEUR_CONFIG"]) if environment.get("AFFINEUR_CONFIG") else None)
    reader = _Reader()
    document: dict[str, Any] = {}
    if path is not None:
        try:
            document = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise InvalidConfig(str(path), [str(error)]) from error
    mirrors, hosted, indexes = _tables(reader, document)
    policies = reader.tables(document, "policies")
    values = {setting.name: setting.default for setting in SETTINGS}
    values |= reader.settings("", document)
    prefixed = {n: environment[f"AFFINEUR_{n.upper()}"] for n in BY_NAME if f"AFFINEUR_{n.upper()}" in environment}
    values |= reader.settings("AFFINEUR_", prefixed)
    values |= reader.settings("--", {k: v for k, v in (overrides or {}).items() if v is not None})
    if address := upstream or environment.get("AFFINEUR_UPSTREAM"):
        mirrors["public"] = Mirror("public", address)
    config = Config(values, mirrors, hosted, indexes, policies, str(path or "defaults"))
    _check_sources(reader, config)
    _check_channels(reader, config)
    for check in checks:
        reader.problems += check(config)
    if reader.problems:
        raise InvalidConfig(config.origin, reader.problems)
    return config
