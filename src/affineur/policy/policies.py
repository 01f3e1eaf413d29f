"""Policies: ordered rules with settings, read from the configuration as a whole."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from affineur import config as configuration
from affineur.config import Config
from affineur.errors import Invalid, InvalidConfig, InvalidName
from affineur.model.names import ProjectName, name_pattern
from affineur.policy.evidence import Need
from affineur.policy.rule import Rule
from affineur.policy.settings import Force, read_settings, suggestion
from affineur.policy.table import BUILT_IN, RULES, always
from affineur.policy.table import BY_NAME as KINDS

_MOST_REMEMBERED = 10_000


class Mode(StrEnum):
    """What becomes of a refusal."""

    ENFORCE = "enforce"
    WATCH = "watch"
    """Everything is judged and recorded, nothing refused."""


class Listing(StrEnum):
    """How files are listed that rules want to look into first."""

    EAGER = "eager"
    """Like any other; they are looked into when somebody asks for them."""
    STRICT = "strict"
    """As yanked, until they were looked into."""


_KEYS = {"extends": str, "mode": Mode, "listing": Listing, "projects": dict}


class Policy:
    """The rules of one index. Projects may have settings of their own, by name or pattern."""

    def __init__(self, name: str, document: Mapping[str, Any], unwaivable: tuple[Rule, ...]) -> None:
        """Make the policy of a document that `problems_of` found nothing wrong with."""
        self.name, self.document = name, document
        self.mode = Mode(document.get("mode", Mode.ENFORCE))
        self.listing = Listing(document.get("listing", Listing.EAGER))
        self._always = unwaivable
        self._projects: Mapping[str, Mapping[str, Any]] = document.get("projects", {})
        read = [getattr(settings, "fingerprint", "") for settings in self.settings().values()]
        self.revision = _revision(document, unwaivable, read)
        self._rules: dict[tuple[str, ...], tuple[Rule, ...]] = {}
        self._known: dict[ProjectName, tuple[Rule, ...]] = {}

    def rules_for(self, project: ProjectName) -> tuple[Rule, ...]:
        """Return the rules that judge a project's files, in order."""
        found = self._known.get(project)
        if found is None:
            patterns = self._patterns(project)
            found = self._rules.get(patterns)
            if found is None:
                made = (KINDS[name].make(settings) for name, settings in self._settings(patterns).items())
                found = self._rules[patterns] = (*self._always, *made)
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            self._known[project] = found
        return found

    def needs(self, project: ProjectName) -> frozenset[Need]:
        """Return the evidence that the rules of a project ask for."""
        return frozenset().union(*(rule.needs for rule in self.rules_for(project)))

    def settings(self, project: ProjectName | None = None) -> dict[str, Any]:
        """Return the settings of each rule that is on, by its name; with `project`, those that hold for it."""
        return self._settings(self._patterns(project) if project is not None else ())

    def _patterns(self, project: ProjectName) -> tuple[str, ...]:
        return tuple(pattern for pattern in self._projects if _fits(pattern, project))

    def _settings(self, patterns: tuple[str, ...]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for name, raw in self._raw(patterns).items():
            settings = read_settings(name, raw, KINDS[name].settings, [])
            if settings is not None and getattr(settings, "force", None) is not Force.OFF:
                made[name] = settings
        return made

    def _raw(self, patterns: tuple[str, ...]) -> dict[str, Any]:
        """Return the rules' values as configured, the plainest pattern first, a project's own name last."""
        raw = {key: value for key, value in self.document.items() if key not in _KEYS}
        for pattern in sorted(patterns, key=lambda text: ("*" not in text and "?" not in text, len(text))):
            raw |= self._projects[pattern]
        return {kind.name: raw[kind.name] for kind in RULES if raw.get(kind.name, False) is not False}


def _fits(pattern: str, project: ProjectName) -> bool:
    return fnmatchcase(project, name_pattern(pattern))


def _revision(document: Mapping[str, Any], unwaivable: tuple[Rule, ...], read: list[str]) -> str:
    material = [document, [rule.name for rule in unwaivable], [kind.name for kind in RULES], read]
    return hashlib.sha256(json.dumps(material, sort_keys=True, default=str).encode()).hexdigest()[:12]


def _tables(config: Config) -> dict[str, dict[str, Any]]:
    """Return every policy's table: those built in, extended by those configured under the same name."""
    tables: dict[str, dict[str, Any]] = {name: dict(table) for name, table in BUILT_IN.items()}
    for name, table in config.policies.items():
        if isinstance(table, dict):
            tables[name] = {**tables.get(name, {}), **table}
    return tables


def _chain(name: str, tables: Mapping[str, dict[str, Any]]) -> list[str]:
    """Return a policy and all it extends, directly or through others.

    Raises:
        Invalid: it extends what does not exist, or in a circle.
    """
    chain: list[str] = []
    above: Any = name
    while above:
        if above in chain:
            raise Invalid(f"policies extend each other in a circle: {' -> '.join([*chain, above])}")
        if not isinstance(above, str) or above not in tables:
            raise Invalid(f"extends: no policy {above!r}{suggestion(str(above), tables)}")
        chain.append(above)
        above = tables[above].get("extends")
    return chain


def _resolved(name: str, tables: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Return a policy's table with all it extends."""
    made: dict[str, Any] = {}
    for part in reversed(_chain(name, tables)):
        projects = {**made.get("projects", {}), **tables[part].get("projects", {})}
        made = {**made, **tables[part], "projects": projects}
    made.pop("extends", None)
    return made


def _problems_of_rules(where: str, table: Mapping[str, Any], sources: Collection[str], *, nested: bool) -> list[str]:
    problems: list[str] = []
    known = [*KINDS, *(() if nested else _KEYS)]
    for key, raw in table.items():
        if key in KINDS:
            if raw is not False:
                settings = read_settings(f"{where}.{key}", raw, KINDS[key].settings, problems)
                problems += [
                    f"{where}.{key}: no mirror or hosted source {name!r}{suggestion(name, sources)}; "
                    f"there are {', '.join(sorted(sources))}"
                    for name in getattr(settings, "sources", ())
                    if name not in sources
                ]
        elif key not in known:
            problems.append(f"{where}.{key}: no such rule or key{suggestion(key, known)}; there are {', '.join(known)}")
    return problems


def _problems_of_policy(
    name: str, table: Any, tables: Mapping[str, dict[str, Any]], sources: Collection[str]
) -> list[str]:
    where = f"policies.{name}"
    if not isinstance(table, dict):
        return [f"{where}: a table is wanted"]
    problems = _problems_of_rules(where, table, sources, nested=False)
    for key, kind in (("mode", Mode), ("listing", Listing)):
        if key in table and table[key] not in list(kind):
            problems.append(f"{where}.{key}: one of {', '.join(kind)} is wanted{suggestion(str(table[key]), kind)}")
    projects = table.get("projects", {})
    if not isinstance(projects, dict) or not all(isinstance(own, dict) for own in projects.values()):
        problems.append(f"{where}.projects: a table for each name or pattern is wanted")
    else:
        for pattern, own in projects.items():
            try:
                name_pattern(pattern)
            except InvalidName as error:
                problems.append(f"{where}.projects: {error.sentence}")
            problems += _problems_of_rules(f"{where}.projects.{pattern}", own, sources, nested=True)
    try:
        _chain(name, tables)
    except Invalid as error:
        problems.append(
            f"{where}.{error.sentence}" if error.sentence.startswith("extends") else f"{where}: {error.sentence}"
        )
    return problems


def problems_of(config: Config) -> list[str]:
    """Return everything that is wrong with the policies of a configuration, each with its place."""
    tables, sources = _tables(config), _sources(config)
    problems = [
        problem
        for name, table in config.policies.items()
        for problem in _problems_of_policy(name, table, tables, sources)
    ]
    return problems + problems_of_indexes(config, {index.name: index.policy for index in config.indexes.values()})


def problems_of_indexes(config: Config, chosen: Mapping[str, str]) -> list[str]:
    """Return which indexes name policies that do not exist; `chosen` is the policy of each."""
    tables = _tables(config)
    return [
        f"indexes.{index}.policy: no policy {policy!r}{suggestion(policy, tables)}; there are {', '.join(sorted(tables))}"
        for index, policy in chosen.items()
        if policy not in tables
    ]


def _sources(config: Config) -> set[str]:
    return {*config.mirrors, *config.hosted}


def policies_of(config: Config) -> dict[str, Policy]:
    """Return the policies of a checked configuration, by name."""
    tables = _tables(config)
    unwaivable = always(find_out=config.unhashed_files == "find-out")
    return {name: Policy(name, _resolved(name, tables), unwaivable) for name in tables}


def configured(
    path: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    upstream: str | None = None,
) -> Config:
    """Load the configuration and check its policies with it.

    Raises:
        InvalidConfig: with every problem found, those of the policies too.
    """
    return configuration.load(path, overrides, environment, upstream, checks=(problems_of,))


def read_policy(name: str, table: Any, config: Config) -> Policy:
    """Return the policy of a table that is not (yet) in the configuration, which it may extend.

    Raises:
        InvalidConfig: with every problem of the table.
    """
    tables = _tables(config)
    if isinstance(table, dict):
        tables[name] = {**tables.get(name, {}), **table} if table.get("extends") != name else table
    if problems := _problems_of_policy(name, table, tables, _sources(config)):
        raise InvalidConfig(name, problems)
    return Policy(name, _resolved(name, tables), always(find_out=config.unhashed_files == "find-out"))
