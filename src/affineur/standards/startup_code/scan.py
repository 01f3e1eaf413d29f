"""One archive scanned: everything of it that runs by itself, and what that imports."""

from __future__ import annotations

import posixpath
import re
import time
from collections import deque
from dataclasses import replace
from pathlib import Path

from affineur.model.scans import Finding, Level, Moment, Scan, Trait
from affineur.standards.archives.chosen import Bounds, Chosen, read_chosen
from affineur.standards.startup_code import places, start_files
from affineur.standards.startup_code.reader import read_module
from affineur.standards.startup_code.values import Budget

REVISION = "1"
"""Raised when the scanner sees more, or other things: kept scans of another revision are made again."""

_BOUNDS = Bounds()
_STEPS = 400_000
"""Steps for each module that runs by itself."""
_STEPS_IMPORTED = 60_000
_MOST_IMPORTED = 40
_DEEPEST_IMPORT = 2
_MOST_FINDINGS = 60
_SUSPECT = re.compile(
    rb"\b(?:exec|eval|(?<!\.)compile)\s*\(|__import__|import_module|__builtins__|\bbuiltins\b|globals\s*\(|fromhex|unhexlify|rot_?13|[ab](?:64|85|32)"
    rb"|marshal|zlib|lzma|bz2|gzip|decrypt|pickle|\bsubprocess\b|\bsystem\s*\(|popen|spawn|startfile|\bpty\b|windll|urlopen|urllib|http\.client"
    rb"|httplib|\brequests\b|httpx|aiohttp|websocket|\bsocket\b|ftplib|smtplib|paramiko|telnetlib|xmlrpc|\.ssh|\.aws|netrc|pypirc|\.pth\b|bashrc"
    rb"|crontab|import\s+\*",
    re.IGNORECASE,
)
"""What an imported module must contain to be parsed: without any of these there is nothing to find in it."""
_IMPORTS = re.compile(rb"^\s*(?:from|import)\s+([.\w]+)", re.MULTILINE)
_MOST_BYTECODE = 5


def _wanted(name: str) -> bool:
    lower = name.lower()
    return lower.endswith((".py", ".pth", ".start")) or posixpath.basename(lower) == "pyproject.toml"


def scan(path: Path, filename: str, *, seconds: float = 20.0, bounds: Bounds = _BOUNDS) -> Scan:
    """Read the wheel, sdist or egg at `path`, named `filename`; never run anything of it.

    What it must read and cannot, within its bounds of bytes, steps and seconds, is said in `problem`.
    The seconds are those of the processor, so that a busy machine changes no verdict.
    """
    chosen = read_chosen(path, filename, _wanted, bounds)
    return _Scan(chosen, filename, time.process_time() + seconds).made()


class _Scan:
    """The scan of one archive under way."""

    def __init__(self, chosen: Chosen, filename: str, deadline: float) -> None:
        self._chosen, self._deadline = chosen, deadline
        self._wheel = filename.lower().endswith((".whl", ".egg"))
        self._findings: list[Finding] = []
        self._problem = chosen.problem
        self._read: set[str] = set()
        self._roots = self._import_roots()
        self._imports: deque[tuple[str, str, Moment, int]] = deque()

    def _import_roots(self) -> dict[str, str]:
        """Map where a module lands below the import root to the member that holds it."""
        found: dict[str, str] = {}
        for name in self._chosen.names:
            if self._wheel:
                landed = places.installed_path(name)
            else:
                landed = posixpath.normpath(name).partition("/")[2]
                found.setdefault(landed.removeprefix("src/"), name)
            if landed:
                found[landed] = name
        return found

    def made(self) -> Scan:
        """Read everything and return what was found."""
        self._start_files()
        names = self._chosen.names
        found = places.in_wheel(names) if self._wheel else places.in_sdist(names, self._chosen.bodies)
        for place in found:
            self._module(place.name, place.moment, 0)
        self._follow()
        self._bytecode()
        ordered = sorted(self._findings, key=lambda f: (-f.level, f.member, f.line))
        return Scan(REVISION, tuple(ordered[:_MOST_FINDINGS]), self._problem, len(self._read))

    def _incomplete(self, member: str, why: str) -> None:
        self._problem = self._problem or f"{member}: {why}"

    def _body(self, name: str) -> bytes | None:
        if name in self._chosen.bodies:
            return self._chosen.bodies[name]
        self._incomplete(name, "it is too large, a link, or damaged")
        return None

    def _start_files(self) -> None:
        for name in self._chosen.names:
            landed = places.installed_path(name) if self._wheel else posixpath.basename(name)
            if landed is None or not places.is_start_file(landed):
                continue
            raw = self._body(name)
            if raw is None:
                continue
            self._read.add(name)
            if name.lower().endswith(".start"):
                findings, imported = start_files.read_start(raw, name)
            else:
                findings, imported, problem = start_files.read_pth(raw, name, Budget(_STEPS))
                if problem:
                    self._incomplete(name, problem)
            self._findings += findings
            self._imports += ((module, "", Moment.START, 1) for module in imported)

    def _module(self, name: str, moment: Moment, depth: int) -> None:
        if name in self._read:
            return
        if time.process_time() > self._deadline:
            self._incomplete(name, "the time for scanning was over")
            return
        raw = self._body(name) if not depth else self._chosen.bodies.get(name)
        if raw is None:
            return
        self._read.add(name)
        if depth and _SUSPECT.search(raw) is None:
            self._queue(name, [found[1].decode() for found in _IMPORTS.finditer(raw)], moment, depth)
            return
        report, imported, problem = read_module(raw, name, moment, Budget(_STEPS_IMPORTED if depth else _STEPS))
        if problem and not depth:
            self._incomplete(name, problem)
        self._findings += report.findings()
        self._queue(name, imported, moment, depth)

    def _queue(self, name: str, imported: list[str], moment: Moment, depth: int) -> None:
        """Note what a module imports, to be followed later."""
        if depth < _DEEPEST_IMPORT:
            landed = self._landed(name)
            self._imports += ((module, landed, moment, depth + 1) for module in dict.fromkeys(imported))

    def _landed(self, name: str) -> str:
        return next((landed for landed, member in self._roots.items() if member == name), name)

    def _follow(self) -> None:
        """Read what the modules that run import from the archive itself, as far as the bounds go."""
        followed = 0
        while self._imports and followed < _MOST_IMPORTED and time.process_time() < self._deadline:
            imported, importer, moment, depth = self._imports.popleft()
            for name in places.module_paths(imported, importer, self._roots):
                if name not in self._read:
                    followed += 1
                    kept = Moment.IMPORT if moment is Moment.INSTALL and self._is_package(name) else moment
                    self._module(name, kept, depth)

    def _is_package(self, name: str) -> bool:
        """Whether a module belongs to what is installed, so that its functions run only when called."""
        return "/" in self._landed(name)

    def _bytecode(self) -> None:
        """Find compiled modules whose source is not in the archive."""
        names = set(self._chosen.names)
        found = []
        for name in self._chosen.names:
            folder, _, base = name.rpartition("/")
            if not base.endswith(".pyc"):
                continue
            cached = folder.endswith("__pycache__")
            stem = base.partition(".")[0]
            parent = folder.rpartition("/")[0] if cached else folder
            source = f"{parent}/{stem}.py" if parent else f"{stem}.py"
            if source not in names:
                found.append((name, cached))
        for name, cached in found[:_MOST_BYTECODE]:
            level = Level.NOTE if cached else Level.WARN
            sentence = "is compiled code whose source is not in the archive; it runs when it is imported"
            self._findings.append(Finding(Trait.BYTECODE, level, name, 0, "", sentence))
        if len(found) > _MOST_BYTECODE and self._findings:
            last = self._findings[-1]
            self._findings[-1] = replace(last, sentence=f"{last.sentence} (and {len(found) - _MOST_BYTECODE} more)")
