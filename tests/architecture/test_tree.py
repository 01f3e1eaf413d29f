"""Rules about the shape of the source that no linter knows."""

import ast
import graphlib
import os
import re
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT, functions, imports, lines_of, modules, parsed

MODULES = modules()
SKIPPED = {".git", ".venv", "_build", "build", "dist", "affineur-data", "__pycache__", "node_modules"}
HOSTS = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pypi", "python", "org"),
        ("pythonhosted", "org"),
        ("pypi", "io"),
        ("conda", "anaconda", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("crates", "io"),
        ("rubygems", "org"),
    )
]
"""Written in parts, so that this file names none of them either."""


def own_files() -> list[Path]:
    found = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in SKIPPED and not name.endswith(("_cache", ".egg-info"))]
        found += [Path(folder, name) for name in names if name != ".hypothesis"]
    return found


def test_no_registry_host_is_named():
    pattern = re.compile("|".join(re.escape(host) for host in HOSTS).encode(), re.IGNORECASE)
    named = [
        str(path.relative_to(ROOT)) for path in own_files() if path.is_file() and pattern.search(path.read_bytes())
    ]
    assert named == []


def test_no_import_cycle():
    graph = {name: imports(name, path, MODULES) for name, path in MODULES.items()}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail("modules import each other in a circle: " + " <- ".join(error.args[1]))


@pytest.mark.parametrize("folder", ["src", "tests", "docs", "benchmarks"])
def test_no_function_is_longer_than_80_lines(folder):
    long = [
        f"{path.relative_to(ROOT)}:{function.lineno} {function.name}: {lines_of(function)} lines"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for function in functions(parsed(path))
        if lines_of(function) > 80
    ]
    assert long == []


def undocumented(body: list[ast.stmt], where: str) -> list[str]:
    found = []
    for node in body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) or node.name.startswith("_"):
            continue
        if ast.get_docstring(node) is None:
            found.append(f"{where}.{node.name}")
        if isinstance(node, ast.ClassDef):
            found += undocumented(node.body, f"{where}.{node.name}")
    return found


@pytest.mark.parametrize("name", MODULES)
def test_everything_public_has_a_docstring(name):
    tree = parsed(MODULES[name])
    assert ast.get_docstring(tree), f"{name} says nothing about itself"
    assert undocumented(tree.body, name) == []


ASKS_THE_GATE = {
    "screen": {"affineur.policy.gate", "affineur.sources.gated"},
    "admit": {"affineur.policy.gate", "affineur.sources.gated", "affineur.web.files", "affineur.web.refusals"},
}


@pytest.mark.parametrize("question", ASKS_THE_GATE)
def test_only_those_named_here_ask_the_gate(question):
    callers = {
        name
        for name, path in MODULES.items()
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == question
    }
    assert callers == ASKS_THE_GATE[question]


def test_status_codes_of_errors_stand_in_one_table():
    from affineur import errors
    from affineur.web.problems import STATUS

    kinds = {error.kind for error in vars(errors).values() if isinstance(error, type) and hasattr(error, "kind")}
    assert kinds <= set(STATUS)


def test_migrations_follow_each_other():
    folder = ROOT / "src/affineur/storage/catalog/migrations/versions"
    numbers = sorted(path.name.partition("_")[0] for path in folder.glob("[0-9]*.py"))
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]
