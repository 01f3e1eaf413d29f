"""What is installed in an environment of the machine on which a command is run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

from affineur.errors import Invalid
from affineur.model.names import normalize
from affineur.operations.operation import Installed

_ASK = "import json, sys; print(json.dumps([p for p in sys.path if p]))"
_LONGEST = 30
_PYTHON = "Scripts/python.exe" if os.name == "nt" else "bin/python"
"""Where a virtual environment has its interpreter."""


def installed(python: str = "") -> list[Installed]:
    """Return the distributions of an interpreter, each once, as imports would find them.

    Without `python` those of the active virtual environment, or else of the interpreter that runs this.

    Raises:
        Invalid: there is no such interpreter, or it does not answer.
    """
    found: dict[str, Installed] = {}
    for one in distributions(path=_paths(python or _active())):
        name: str | None = one.metadata["Name"]  # None: what a broken installation left behind
        if name and normalize(name) not in found:
            found[normalize(name)] = _installed(name, one)
    return sorted(found.values(), key=lambda row: normalize(row.name))


def _active() -> str:
    folder = os.environ.get("VIRTUAL_ENV", "")
    if not folder:
        return sys.executable
    return str(Path(folder) / _PYTHON)


def _paths(python: str) -> list[str]:
    """Return where an interpreter looks for packages; a folder is that of a virtual environment."""
    if Path(python).is_dir():
        python = str(Path(python) / _PYTHON)
    if Path(python).exists():
        python = str(Path(python).absolute())
    try:
        # From the root, so that what lies in the working directory is not taken for installed.
        run = subprocess.run(  # noqa: S603 - an interpreter that the person named, without a shell
            [python, "-c", _ASK], capture_output=True, text=True, timeout=_LONGEST, check=True, cwd=Path.cwd().anchor
        )
        paths: Any = json.loads(run.stdout)
    except OSError as error:
        raise Invalid(f"{python} cannot be asked what is installed: {error.strerror}") from error
    except (subprocess.SubprocessError, ValueError) as error:
        raise Invalid(f"{python}: it cannot be asked what is installed: {error}") from error
    return [path for path in paths if isinstance(path, str)]


def _installed(name: str, one: Distribution) -> Installed:
    origin, editable = _direct(one.read_text("direct_url.json") or "{}")
    return Installed(name, one.version or "", origin, editable)


def _direct(text: str) -> tuple[str, bool]:
    """Return where a distribution came from by its record of that (PEP 610), and whether it is editable."""
    try:
        document = json.loads(text)
    except ValueError:
        return "an address that cannot be read", False
    if not isinstance(document, dict) or not isinstance(url := document.get("url"), str):
        return "", False
    vcs, folder = document.get("vcs_info"), document.get("dir_info")
    if isinstance(vcs, dict):
        url = f"{vcs.get('vcs', '')}+{url}@{vcs.get('commit_id', '')}"
    return url, isinstance(folder, dict) and bool(folder.get("editable"))
