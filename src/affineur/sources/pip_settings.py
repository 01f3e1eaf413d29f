"""What the user's pip and uv are configured with: the default upstream and how to reach it."""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pypi_simple import PYPI_SIMPLE_ENDPOINT


@dataclass(frozen=True, slots=True)
class PipSettings:
    """The settings of pip that an upstream connection uses; `ignored` are reported, never adopted."""

    index_url: str
    cert: str | None = None
    client_cert: str | None = None
    proxy: str | None = None
    ignored: tuple[str, ...] = ()


def _files(environment: Mapping[str, str]) -> Iterator[Path]:
    home = Path.home()
    yield Path("/etc/pip.conf")
    yield Path("/etc/xdg/pip/pip.conf")
    yield home / ".pip" / "pip.conf"
    yield Path(environment.get("XDG_CONFIG_HOME", str(home / ".config"))) / "pip" / "pip.conf"
    yield Path(sys.prefix) / "pip.conf"
    if named := environment.get("PIP_CONFIG_FILE"):
        yield Path(named)


def read_pip_settings(environment: Mapping[str, str] | None = None) -> PipSettings:
    """Read pip's configuration files and environment, the later ones winning as in pip."""
    environment = os.environ if environment is None else environment
    merged: dict[str, str] = {}
    for path in _files(environment):
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):
            continue
        for section in ("global", "install", "download"):
            if parser.has_section(section):
                merged.update({key.replace("_", "-"): value for key, value in parser.items(section)})
    for key, value in environment.items():
        if key.startswith("PIP_") and value:
            merged[key[4:].lower().replace("_", "-")] = value
    index_url = environment.get("PIP_INDEX_URL") or environment.get("UV_DEFAULT_INDEX") or merged.get("index-url")
    ignored = tuple(key for key in ("extra-index-url", "find-links") if merged.get(key))
    return PipSettings(
        index_url or PYPI_SIMPLE_ENDPOINT, merged.get("cert"), merged.get("client-cert"), merged.get("proxy"), ignored
    )
