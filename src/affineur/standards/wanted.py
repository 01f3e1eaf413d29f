"""What a project asks for, before anything is resolved: requirements files and pyproject.toml.

Only names in an index are taken. Whatever would make a resolver look elsewhere (addresses, paths,
repositories, other indexes) is an error that names the line.
"""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from packaging.dependency_groups import DependencyGroupResolver
from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name

from affineur.errors import InvalidDocument
from affineur.standards.locks.read_requirements import beside, logical_lines
from affineur.standards.requirement_lists import requirement

_COMMENT = re.compile(r"(^|\s+)#.*$")
_OPTIONS = re.compile(r"\s(?=--?[A-Za-z])")
_INCLUDE = re.compile(r"(?P<option>-r|--requirement|-c|--constraint)(?:\s*=\s*|\s+|(?<=-[rc]))(?P<path>\S.*)")
_WITHOUT_EFFECT = frozenset({"--prefer-binary", "--require-hashes", "--no-deps", "--use-feature"})
"""Options of requirements files that say how to install, not what."""
_ABOUT_BUILDING = frozenset({"--config-settings", "--config-setting", "--global-option", "-C"})
_DEEPEST = 16


@dataclass(frozen=True, slots=True)
class Want:
    """A requirement, and what asks for it."""

    requirement: Requirement
    origin: str
    """As comments of locks say it: `-r requirements.in`, `acme (pyproject.toml)`."""


@dataclass(slots=True)
class Wants:
    """Everything that some files ask for."""

    requirements: list[Want] = field(default_factory=list)
    constraints: list[Want] = field(default_factory=list)
    """They ask for nothing, and limit what may be chosen."""
    requires_python: str = ""
    prereleases: bool = False
    left_out: list[str] = field(default_factory=list)
    """What the files say that has no effect on a lock, a sentence each."""


def read_wanted(
    roots: Sequence[str], texts: Mapping[str, str], *, extras: Sequence[str] = (), groups: Sequence[str] = ()
) -> Wants:
    """Read what files ask for.

    Args:
        roots: the names of the files; pyproject.toml is told by its name, the others are requirements files.
        texts: the text of each file by its name, and of those that they name with -r and -c, as `beside` names them.
        extras: extras of pyproject.toml that are asked for too.
        groups: dependency groups of pyproject.toml (PEP 735) that are asked for too.

    Raises:
        InvalidDocument: a file cannot be read, is missing, or asks for something outside the index.
    """
    wants = Wants()
    for name in roots:
        if name.replace("\\", "/").rsplit("/", 1)[-1] == "pyproject.toml":
            _project(wants, texts[name], name, extras, groups)
        else:
            _requirements(wants, texts, name, (), constraining=False)
    projects = [name for name in roots if name.endswith("pyproject.toml")]
    if (extras or groups) and not projects:
        raise InvalidDocument(roots[0] if roots else "the input", "only pyproject.toml has extras and groups")
    return wants


# -- requirements files


def _requirements(
    wants: Wants, texts: Mapping[str, str], name: str, above: tuple[str, ...], *, constraining: bool
) -> None:
    if len(above) > _DEEPEST:
        raise InvalidDocument(name, "too many files name one another")
    hashed = False
    for number, _, raw in logical_lines(texts[name]):
        line, where = _COMMENT.sub("", raw).strip(), f"line {number}"
        if not line:
            continue
        if line.startswith("-"):
            if (include := _INCLUDE.fullmatch(line)) is None:
                _option(wants, line, name, where)
                continue
            path = beside(name, include["path"].strip())
            if path not in texts:
                raise InvalidDocument(name, f"{path!r} is named, and was not given", where)
            if path not in above and path != name:
                limits = constraining or include["option"] in {"-c", "--constraint"}
                _requirements(wants, texts, path, (*above, name), constraining=limits)
            continue
        text, *options = _OPTIONS.split(line, maxsplit=1)
        hashed = _per_requirement(options[0], name, where) or hashed if options else hashed
        made = requirement(text, name, where)
        (wants.constraints if constraining else wants.requirements).append(
            Want(made, f"{'-c' if constraining else '-r'} {name}")
        )
    if hashed:
        wants.left_out.append(f"{name}: hashes of what is asked for; the lock has those of what is chosen")


def _option(wants: Wants, line: str, name: str, where: str) -> None:
    # The value is not repeated: addresses of indexes hold passwords.
    option = re.split(r"[\s=]", line, maxsplit=1)[0]
    if option == "--pre":
        wants.prereleases = True
    elif option in _WITHOUT_EFFECT:
        wants.left_out.append(f"{name}: {where}: {option} has no effect on a lock")
    elif option in {"-e", "--editable"}:
        raise InvalidDocument(name, "an editable project is not in the index; lock its pyproject.toml", where)
    else:
        problem = f"{option[:40]} would have the resolver look elsewhere; only the index is asked: take the line out"
        raise InvalidDocument(name, problem, where)


def _per_requirement(text: str, name: str, where: str) -> bool:
    """Return whether hashes are among the options of one requirement."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise InvalidDocument(name, f"the options cannot be read: {error}", where) from None
    options = {word.partition("=")[0] for word in words if word.startswith("-")}
    if unknown := options - {"--hash"} - _ABOUT_BUILDING:
        raise InvalidDocument(name, f"{min(unknown)[:40]} is no option of a requirement that a lock is made of", where)
    return "--hash" in options


# -- pyproject.toml


def _project(wants: Wants, text: str, name: str, extras: Sequence[str], groups: Sequence[str]) -> None:
    try:
        document = tomllib.loads(text.removeprefix("\ufeff"))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidDocument(name, str(error)) from None
    project = _table(document, "project", name)
    if not project and not groups:
        raise InvalidDocument(name, "it has no [project] table; name a dependency group, or a requirements file")
    own = canonicalize_name(str(project.get("name", "")))
    dynamic = project.get("dynamic", [])
    if "dependencies" in dynamic or (extras and "optional-dependencies" in dynamic):
        raise InvalidDocument(
            name, "the dependencies are dynamic, so that code would have to run to know them", "project"
        )
    label = f"{own} ({name})" if own else name
    optional = {
        canonicalize_name(extra): value for extra, value in _table(project, "optional-dependencies", name).items()
    }
    _listed(wants, project.get("dependencies", []), name, "project.dependencies", label, (own, optional), ())
    for extra in extras:
        _extra(wants, canonicalize_name(extra), name, label, (own, optional), ())
    for group in groups:
        texts = _group(document, group, name)
        _listed(
            wants,
            texts,
            name,
            f"dependency-groups.{group}",
            f"{label[:-1]}:{group})" if own else f"{name}:{group}",
            (own, optional),
            (),
        )
    wants.requires_python = _python(project, name)
    sources = _table(_table(_table(document, "tool", name), "uv", name), "sources", name)
    if sources:
        wants.left_out.append(f"{name}: tool.uv.sources ({', '.join(sorted(sources))}): only the index is asked")


Own = tuple[NormalizedName, Mapping[NormalizedName, Any]]
"""The project's own name, by which its extras name one another, and its extras."""


def _listed(wants: Wants, texts: Any, name: str, where: str, label: str, own: Own, above: tuple[str, ...]) -> None:
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
        raise InvalidDocument(name, "a list of requirements is wanted", where)
    for text in texts:
        made = requirement(text, name, where)
        if own[0] and canonicalize_name(made.name) == own[0]:
            for extra in sorted(made.extras):
                _extra(wants, canonicalize_name(extra), name, label, own, above)
            continue
        wants.requirements.append(Want(made, label))


def _extra(wants: Wants, extra: NormalizedName, name: str, label: str, own: Own, above: tuple[str, ...]) -> None:
    if extra in above:
        return
    if extra not in own[1]:
        there = ", ".join(sorted(own[1])) or "none"
        raise InvalidDocument(name, f"no extra {extra[:80]!r}; there are {there}", "project.optional-dependencies")
    where = f"project.optional-dependencies.{extra}"
    _listed(wants, own[1][extra], name, where, label, own, (*above, extra))


def _group(document: Mapping[str, Any], group: str, name: str) -> tuple[str, ...]:
    table = _table(document, "dependency-groups", name)
    try:
        return tuple(str(one) for one in DependencyGroupResolver(table).resolve(group))
    except (LookupError, ValueError, TypeError, ExceptionGroup) as error:
        problems = error.exceptions if isinstance(error, ExceptionGroup) else (error,)
        told = "; ".join(str(one).partition("\n")[0] for one in problems)
        raise InvalidDocument(name, f"group {group[:80]!r}: {told}", "dependency-groups") from None


def _table(parent: Mapping[str, Any], key: str, name: str) -> Mapping[str, Any]:
    found = parent.get(key, {})
    if not isinstance(found, dict):
        raise InvalidDocument(name, "a table is wanted", key)
    return found


def _python(project: Mapping[str, Any], name: str) -> str:
    text = str(project.get("requires-python", ""))
    try:
        return str(SpecifierSet(text))
    except InvalidSpecifier:
        raise InvalidDocument(name, f"{text[:80]!r} is no specifier", "project.requires-python") from None
