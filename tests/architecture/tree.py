"""The source tree as data: modules, functions, imports. Run as a script it reports the sizes."""

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src"
Function = ast.FunctionDef | ast.AsyncFunctionDef


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    found = {}
    for path in sorted((SOURCE / "affineur").rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def parsed(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def functions(tree: ast.Module) -> Iterator[Function]:
    """Every function, nested ones and methods too."""
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def lines_of(function: Function) -> int:
    """The length of a function in lines, decorators not counted."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def _package_of(module: str, path: Path) -> list[str]:
    parts = module.split(".")
    return parts if path.name == "__init__.py" else parts[:-1]


def imports(module: str, path: Path, known: dict[str, Path]) -> set[str]:
    """The modules of the package that a module imports anywhere, type-only and lazy imports included."""
    found: set[str] = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name in known}
        elif isinstance(node, ast.ImportFrom):
            package = _package_of(module, path)
            prefix = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*prefix, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{origin}.{alias.name}"
                found |= {name for name in ([inner] if inner in known else [origin]) if name in known}
    return found - {module}


def _report() -> None:
    trees = [parsed(path) for path in modules().values()]
    sizes = sorted(lines_of(function) for tree in trees for function in functions(tree))
    longest = max(len(path.read_text(encoding="utf-8").splitlines()) for path in modules().values())
    percentile = sizes[int(len(sizes) * 0.95)]
    print(
        f"{len(trees)} modules, {len(sizes)} functions; lines of a function: median {statistics.median(sizes):g} "
        f"(aim 10), 95th percentile {percentile} (aim 45), longest {sizes[-1]} (limit 80); longest file {longest}"
    )


if __name__ == "__main__":
    _report()
