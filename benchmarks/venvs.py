"""The peers, each in a virtual environment of its own, from whatever index pip is configured with."""

import subprocess
import sys
from pathlib import Path

_PACKAGES = {"devpi-server": ["devpi-server"], "pypiserver": ["pypiserver"], "proxpi": ["proxpi", "gunicorn"]}


def programs(peer: str, folder: Path) -> Path:
    """Return the folder of a peer's programs, installed there on the first run."""
    place = folder / peer
    done = place / "installed"
    if not done.exists():
        subprocess.run([sys.executable, "-m", "venv", place], check=True)
        install = [place / "bin" / "python", "-m", "pip", "install", "--quiet", *_PACKAGES[peer]]
        subprocess.run(install, check=True, timeout=600)
        done.touch()
    return place / "bin"
