"""Policies shown, checked, and their changes recorded."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from affineur.config import Config, Hosted, Mirror
from affineur.errors import Invalid, InvalidConfig, NotFound
from affineur.model.events import Event
from affineur.model.names import project_name
from affineur.model.waivers import Scope
from affineur.operations.context import Context
from affineur.operations.operation import argument, option
from affineur.policy.policies import Policy, policies_of, problems_of_indexes, read_policy
from affineur.policy.settings import Period, in_words
from affineur.storage.catalog import jobs, ledger
from affineur.storage.catalog.database import Change

CHANGED = "policy.changed"


class PolicyShow(msgspec.Struct, frozen=True):
    """Show a policy as it stands with everything it extends, for all projects or for one."""

    name: Annotated[str, argument("The policy, or an index that has one; empty: that of the default index.")] = ""
    project: Annotated[str, option("With the settings that hold for this project.")] = ""


class PolicyCheck(msgspec.Struct, frozen=True):
    """Check the policies of a file before they are put to use, and say everything that is wrong."""

    file: Annotated[str, msgspec.Meta(description="A file (TOML): a configuration, or one policy's keys.",
                                      extra={"positional": True, "file": True})]  # fmt: skip


class RuleShown(msgspec.Struct, frozen=True):
    """A rule that is on, with its settings."""

    rule: str
    settings: dict[str, Any]


class PolicyShown(msgspec.Struct, frozen=True):
    """A policy."""

    name: str
    revision: str
    mode: str
    listing: str
    rules: list[RuleShown]
    projects: dict[str, Any]
    """Settings of its own that a name or pattern has."""
    indexes: list[str]
    """The indexes it holds for."""


class PolicyChecked(msgspec.Struct, frozen=True):
    """What is wrong with policies; empty where nothing is."""

    policies: list[str]
    problems: list[str]


def _told(value: Any) -> Any:
    """Return a setting's value as JSON and people have it."""
    if isinstance(value, Period):
        return in_words(value.delta, exactly=True)
    if isinstance(value, Scope):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _told(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple | frozenset):
        return [_told(item) for item in value]
    return value


def _shown(policy: Policy, context: Context, project: str) -> PolicyShown:
    chosen = project_name(project) if project else None
    rules = [RuleShown(name, _told(settings)) for name, settings in policy.settings(chosen).items()]
    indexes = [index.name for index in context.config.indexes.values() if index.policy == policy.name]
    own = {} if chosen else dict(policy.document.get("projects", {}))
    return PolicyShown(policy.name, policy.revision, policy.mode, policy.listing, rules, own, indexes)


async def show(context: Context, request: PolicyShow) -> PolicyShown:
    """Return a policy.

    Raises:
        NotFound: there is neither a policy nor an index of that name.
    """
    policies = policies_of(context.config)
    name = request.name or context.config.default_index
    if name not in policies and name in context.config.indexes:
        name = context.config.indexes[name].policy
    if name not in policies:
        known = ", ".join(sorted(policies.keys() | context.config.indexes.keys()))
        raise NotFound(f"{name}: neither a policy nor an index; there are {known}")
    return _shown(policies[name], context, request.project)


def proposed(config: Config, text: str, name: str) -> tuple[dict[str, Any], Config]:
    """Return the policies' tables of a document, and a configuration that has them too.

    Raises:
        Invalid: it is not TOML.
    """
    document = _read(text)
    tables = _tables_in(document, name)
    return tables, _with(config, document, tables)


def _read(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"not TOML: {error}") from error


def _tables_in(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the policies of a configuration, or the whole as one policy."""
    if document.keys().isdisjoint({"policies", "indexes", "mirrors", "hosted"}):
        return {name: dict(document)}
    return _table(document, "policies")


def _table(document: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = document.get(key, {})
    return found if isinstance(found, dict) else {}


def _with(config: Config, document: Mapping[str, Any], tables: Mapping[str, Any]) -> Config:
    """Return the configuration with the policies of a document, and the names of sources that it adds."""
    mirrors = {name: Mirror(name) for name in _table(document, "mirrors")}
    hosted = {name: Hosted(name) for name in _table(document, "hosted")}
    return dataclasses.replace(
        config,
        policies={**config.policies, **tables},
        mirrors={**mirrors, **config.mirrors},
        hosted={**hosted, **config.hosted},
    )


async def check(context: Context, request: PolicyCheck) -> PolicyChecked:
    """Return every problem of the policies in a file, and of the policies that its indexes name.

    Raises:
        Invalid: it is not TOML.
    """
    document = _read(request.file)
    tables = _tables_in(document, "new")
    problems: list[str] = []
    config = _with(context.config, document, tables)
    for name, table in tables.items():
        try:
            read_policy(name, table, config)
        except InvalidConfig as error:
            problems += error.problems
    indexes = {
        name: table["policy"]
        for name, table in _table(document, "indexes").items()
        if isinstance(table, dict) and isinstance(table.get("policy"), str)
    }
    return PolicyChecked(sorted(tables), problems + problems_of_indexes(config, indexes))


def say_shown(policy: PolicyShown) -> str:
    """Tell a policy on a terminal."""
    lines = [f"policy {policy.name}, revision {policy.revision}: {policy.mode}, {policy.listing} listing"]
    lines.append(f"  indexes: {', '.join(policy.indexes) or 'none'}")
    for rule in policy.rules:
        settings = ", ".join(f"{key} = {value}" for key, value in rule.settings.items() if value not in (None, [], ""))
        lines.append(f"  {rule.rule:<16} {settings}")
    lines += [f"  for {pattern}: {own}" for pattern, own in policy.projects.items()]
    return "\n".join(lines)


def say_checked(checked: PolicyChecked) -> str:
    """Tell what came of a check."""
    return "\n".join(checked.problems) or f"{', '.join(checked.policies)}: no problems"


def record(change: Change, in_use: Mapping[str, Policy], actor: str) -> None:
    """Enter the policies in use into the ledger, by index, where one changed; its files are then judged again."""
    ledger.alone(change.connection)
    for index, policy in in_use.items():
        last = ledger.latest(change.connection, CHANGED, index)
        before = str(last.event.data.get("revision", "")) if last else ""
        if before == policy.revision:
            continue
        document = json.loads(json.dumps(policy.document, default=str))  # dates stand in it as such
        data = {"policy": policy.name, "revision": policy.revision, "before": before, "document": document}
        change.enter(Event(CHANGED, index, "", actor, data))
        if before:
            jobs.add(change, "reevaluate", {"index": index})
