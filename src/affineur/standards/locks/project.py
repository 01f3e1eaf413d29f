"""What the pyproject.toml or Pipfile of a project says, as its lock files must repeat it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from affineur.errors import InvalidDocument
from affineur.model.locks import Root
from affineur.standards.locks.tables import Table, read_toml


@dataclass(frozen=True)
class Project:
    """A pyproject.toml or Pipfile."""

    root: Root
    requires_python: str = ""
    pipfile: bool = False
    values: dict[str, Any] = field(default_factory=dict)
    """The whole document."""

    @property
    def indexes(self) -> tuple[str, ...]:
        """The addresses of the indexes that it names, for whichever tool."""
        tool = self.values.get("tool", {})
        listed = [*self.values.get("source", [])] if self.pipfile else []
        for name, key in (("uv", "index"), ("poetry", "source"), ("pdm", "source")):
            listed += tool.get(name, {}).get(key, [])
        return tuple(one["url"] for one in listed if isinstance(one, dict) and one.get("url"))

    @property
    def packaged(self) -> bool:
        """Whether it says how it is built."""
        return "build-system" in self.values


def read_project(text: str, document: str) -> Project:
    """Read a pyproject.toml or a Pipfile.

    Raises:
        InvalidDocument: it is neither, or says what is needed in a way that only its tool understands.
    """
    table = read_toml(text.removeprefix("\ufeff"), document)
    values = dict(table.values)
    if "packages" in table or "dev-packages" in table:
        python = table.table("requires").text("python_full_version") or table.table("requires").text("python_version")
        return Project(Root(), python, pipfile=True, values=values)
    if "project" not in table:
        raise InvalidDocument(document, "neither a pyproject.toml with [project] nor a Pipfile with [packages]")
    project = table.table("project")
    extras = project.table("optional-dependencies")
    groups = table.table("dependency-groups")
    root = Root(
        project.needed("name"),
        project.text("version"),
        _requirements(project, "dependencies"),
        tuple((name, _requirements(extras, name)) for name in extras.values),
        tuple((name, _group(groups, name, ())) for name in groups.values),
    )
    return Project(root, project.text("requires-python"), values=values)


def _requirements(table: Table, key: str) -> tuple[str, ...]:
    for text in table.texts(key):
        try:
            Requirement(text)
        except InvalidRequirement as error:
            raise table.wrong(key, f"{text[:80]!r}: {str(error).partition(chr(10))[0]}") from None
    return table.texts(key)


def _group(groups: Table, name: str, above: tuple[str, ...]) -> tuple[str, ...]:
    """Return the requirements of a dependency group (PEP 735) with those of the groups that it includes."""
    if name in above:
        raise groups.wrong(name, "it includes itself")
    listed = groups.values.get(name)
    if not isinstance(listed, list):
        raise groups.wrong(name, "a list is wanted")
    found: list[str] = []
    for one in listed:
        if isinstance(one, str):
            found.append(one)
        elif isinstance(one, dict) and isinstance(included := one.get("include-group"), str):
            spelt = {_normal(key): key for key in groups.values}
            if _normal(included) not in spelt:
                raise groups.wrong(name, f"it includes {included!r}, which there is not")
            found += _group(groups, spelt[_normal(included)], (*above, name))
        else:
            raise groups.wrong(name, "a requirement or a table with include-group is wanted")
    return tuple(found)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
