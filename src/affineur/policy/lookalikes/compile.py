"""Make the shipped data: `python -m affineur.policy.lookalikes.compile popular CSV SOURCE DATE`.

`... compile modules FOLDER` makes the names of the standard library from a folder of lists, a file
for each Python version with a module a line, as the project stdlib-list (MIT licence) ships them.
"""

from __future__ import annotations

import sys
from pathlib import Path

from affineur.model.names import normalize
from affineur.policy.lookalikes import popular, stdlib_names

_NEWER = ("math.integer", "profiling", "profiling.sampling", "profiling.tracing")
"""Modules of Python 3.15, which the lists do not know yet."""
_NO_MODULES = frozenset({"lib"})
"""First parts that stand in the lists by mistake: folders of the machine they were made on."""


def modules(folder: Path) -> list[str]:
    """Return the normalised names of all modules and of the packages they lie in, sorted."""
    lines = [line.strip() for path in sorted(folder.glob("*.txt")) for line in path.read_text().splitlines()]
    found: set[str] = set()
    for line in (*lines, *_NEWER):
        parts = line.split(".")
        if line and parts[0] not in _NO_MODULES:
            found |= {normalize(".".join(parts[:count])) for count in range(1, len(parts) + 1)}
    return sorted(name for name in found if name[0] != "-" and name[-1] != "-")


def main(arguments: list[str]) -> None:
    """Write one of the two files of data."""
    kind, path, *rest = arguments
    if kind == "popular":
        popular.write(popular.parse(Path(path).read_text(encoding="utf-8"), *rest), popular.SHIPPED)
    else:
        head = "# Modules of Python 2.6 to 3.15; made from the lists of stdlib-list (MIT licence, Jack Maney)\n"
        stdlib_names.SHIPPED.write_text(head + "\n".join(modules(Path(path))) + "\n", encoding="ascii")


if __name__ == "__main__":
    main(sys.argv[1:])
