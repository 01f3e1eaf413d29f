"""uv's resolver as a program of its own: bounded, asking one index only, free of anybody's settings.

What it reads is written here from values that were parsed: no line of a stranger's file reaches it,
so nothing in such a file can make it look elsewhere, read a file of this machine or run a program.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec
from packaging.requirements import InvalidRequirement, Requirement

from affineur.errors import AffineurError, Throttled, Unresolvable
from affineur.model.names import ProjectName, project_name
from affineur.model.printable import printable

_MEMORY = 4 * 2**30
"""Bytes of memory that the program may ask for."""
_LARGEST_FILE = 256 * 2**20
_MOST_TOLD = 64 * 1024
"""Bytes of what it says that are read."""
_MOST_WAITING = 8
_AGAIN_AFTER = 10
"""Seconds after which a caller is told to try again when too many wait."""
_VIA = re.compile(r"\A\s+#(?:\s+via)?(?:\s+(?P<what>\S.*))?\Z")
_FETCHED = re.compile(r"Failed to fetch: `?\S*?([^/`\s]+)/?`?\s*$")
_SERVER_MESSAGE = re.compile(r"Server message: (.*\S)")
_KEPT_OF_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT")


@dataclass(frozen=True, slots=True)
class Reached:
    """Where the indexes answer a program that was started here."""

    origin: str
    """Scheme, host and port; nothing below it but pages and files is answered."""
    secret: str
    """The password that goes with the user `__token__`, without which nothing is answered."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be resolved."""

    index: str
    requirements: Mapping[str, Sequence[Requirement]]
    """By what asks for them."""
    constraints: Mapping[str, Sequence[Requirement]]
    preferred: Sequence[Requirement]
    """Exact versions to be kept where possible."""
    python: str
    """The oldest Python, as `3.11`."""
    environments: Sequence[str] = ()
    """Markers, no two of which hold together; empty: everywhere."""
    as_of: datetime | None = None
    upgraded: Sequence[Requirement] = ()
    prereleases: bool = False
    builds: bool = False


@dataclass(frozen=True, slots=True)
class Chosen:
    """A release that the resolver chose."""

    project: ProjectName
    version: str
    marker: str
    via: tuple[str, ...]
    """Names of projects, and the keys of `Question.requirements` and `constraints`."""


def find_uv() -> str:
    """Return the path of uv: of the package of that name, else on the path.

    Raises:
        AffineurError: there is none.
    """
    try:
        from uv import find_uv_bin

        return find_uv_bin()
    except (ImportError, FileNotFoundError) as error:
        if (found := shutil.which("uv")) is not None:
            return found
        raise AffineurError("uv is missing, whose resolver makes locks: install the package uv") from error


class Resolver:
    """Runs the program, a few at once, each within a time limit in seconds."""

    def __init__(self, seconds: float, at_once: int) -> None:
        self._seconds, self._turn = seconds, asyncio.Semaphore(max(1, at_once))
        self._waiting = 0

    async def resolve(self, question: Question, reached: Reached, folder: Path) -> tuple[list[Chosen], list[str]]:
        """Return the releases chosen, and what the resolver warns of; temporary files go below `folder`.

        Raises:
            Unresolvable: there is no solution, or it was not found in time.
            Throttled: too many are waiting already.
        """
        if self._waiting >= _MOST_WAITING:
            raise Throttled(_AGAIN_AFTER)
        self._waiting += 1
        try:
            await self._turn.acquire()
        finally:
            self._waiting -= 1
        try:
            with tempfile.TemporaryDirectory(prefix="lock-", dir=folder, ignore_cleanup_errors=True) as place:
                return await self._resolve(question, reached, Path(place))
        finally:
            self._turn.release()

    async def _resolve(self, question: Question, reached: Reached, place: Path) -> tuple[list[Chosen], list[str]]:
        asked, labels = _files(question, place)
        with (place / "told").open("wb") as told:
            process = await asyncio.create_subprocess_exec(
                find_uv(), *_arguments(question), *asked,
                cwd=place, env=_environment(question, reached, place),
                stdin=DEVNULL, stdout=DEVNULL, stderr=told, start_new_session=True,
            )  # fmt: skip
        try:
            _bound(process.pid, self._seconds)
            await asyncio.wait_for(process.wait(), self._seconds)
        except TimeoutError:
            raise Unresolvable(
                f"no solution was found within {self._seconds:g} seconds (setting lock_time): ask for less at once, "
                "or say more narrowly which versions will do"
            ) from None
        finally:
            await _end(process)
        said = _said((place / "told").read_bytes()[:_MOST_TOLD].decode(errors="replace"), reached)
        warnings = [line.removeprefix("warning: ") for line in said if line.startswith("warning: ")]
        if process.returncode != 0:
            raise Unresolvable(_problem(said, labels) or f"the resolver ended with exit code {process.returncode}")
        return list(_chosen((place / "out.txt").read_text(encoding="utf-8"), labels)), warnings


def _files(question: Question, place: Path) -> tuple[list[str], dict[str, str]]:
    """Write what the program reads; return its arguments that name it, and what the names stand for."""
    arguments: list[str] = []
    labels: dict[str, str] = {}
    number = 0
    for option, asked in (("-r", question.requirements), ("-c", question.constraints)):
        for label, requirements in asked.items():
            name = f"{number}.in"
            number += 1
            (place / name).write_text("".join(f"{one}\n" for one in requirements), encoding="utf-8")
            arguments += [name] if option == "-r" else ["--constraints", name]
            labels[f"{option} {name}"] = label
    (place / "out.txt").write_text("".join(f"{one}\n" for one in question.preferred), encoding="utf-8")
    markers = msgspec.json.encode(list(question.environments)).decode()
    # The nearest pyproject.toml and the system's uv.toml are read, so both are ours.
    (place / "pyproject.toml").write_text(
        f"[tool.uv]\nenvironments = {markers}\nrequired-environments = {markers}\n", encoding="utf-8"
    )
    (place / "settings" / "uv").mkdir(parents=True)
    (place / "settings" / "uv" / "uv.toml").touch()
    return arguments, labels


def _arguments(question: Question) -> list[str]:
    made = [
        "pip", "compile", "--universal", "--color", "never", "--no-progress", "--no-header", "--no-sources",
        "--no-python-downloads", "--python", sys.executable, "--python-version", question.python,
        "--annotation-style", "split", "--output-file", "out.txt",
    ]  # fmt: skip
    if not question.builds:
        made.append("--no-build")
    if question.prereleases:
        made += ["--prerelease", "allow"]
    if question.as_of is not None:
        made += ["--exclude-newer", f"{question.as_of:%Y-%m-%dT%H:%M:%SZ}"]
    for requirement in question.upgraded:
        made += ["--upgrade-package", str(requirement)]
    return made


def _environment(question: Question, reached: Reached, place: Path) -> dict[str, str]:
    scheme, _, host = reached.origin.partition("://")
    kept = {name: os.environ[name] for name in _KEPT_OF_ENVIRONMENT if name in os.environ}
    return {
        **kept,
        "HOME": str(place),
        "TMPDIR": str(place),
        "XDG_CONFIG_HOME": str(place / "settings"),
        "XDG_CONFIG_DIRS": str(place / "settings"),
        "NO_PROXY": "*",
        "UV_CACHE_DIR": str(place / "cache"),
        # Not an argument: other users of the machine see those.
        "UV_DEFAULT_INDEX": f"{scheme}://__token__:{reached.secret}@{host}/{question.index}/simple/",
        "UV_HTTP_RETRIES": "1",
        "UV_CONCURRENT_DOWNLOADS": "16",
        "UV_NO_WRAP": "1",
        "RAYON_NUM_THREADS": "2",
    }


def _bound(pid: int, seconds: float) -> None:
    """Bound memory, time of the processor and files of a program, where the system lets one process bound another."""
    if not hasattr(resource, "prlimit"):
        return
    with contextlib.suppress(OSError):
        for kind, most in (
            (resource.RLIMIT_DATA, _MEMORY),
            (resource.RLIMIT_CPU, max(1, int(seconds) * 2)),
            (resource.RLIMIT_FSIZE, _LARGEST_FILE),
            (resource.RLIMIT_CORE, 0),
        ):
            resource.prlimit(pid, kind, (most, most))


async def _end(process: Process) -> None:
    """End the program and what it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def _said(text: str, reached: Reached) -> list[str]:
    """Return what the program says, line by line, without control characters and without the way it took."""
    text = re.sub(rf"https?://(?:[^\s/@]*@)?{re.escape(reached.origin.partition('://')[2])}", "", text)
    text = text.replace(reached.secret, "...")
    return [printable(line).rstrip() for line in text.splitlines()]


def _problem(said: list[str], labels: Mapping[str, str]) -> str:
    """Return why there is no solution, in one paragraph; hints are about options that nobody has here."""
    if refused := next((found for line in said if (found := _SERVER_MESSAGE.search(line))), None):
        # In our own words, without how often and by which address it was tried.
        fetched = next((found[1] for line in said if (found := _FETCHED.search(line))), "a file")
        return f"{fetched} cannot be had: {refused[1]}"
    told: list[str] = []
    for line in said:
        if line.startswith("hint: "):
            break
        if line.strip() and not line.startswith(("warning: ", "Resolved ")):
            told.append(line.strip().removeprefix("error: ").removeprefix("cause: "))
    if told and told[0] == "No solution found when resolving dependencies":
        told[0] = "no solution:"
    text = " ".join(told)
    for name, label in labels.items():
        text = text.replace(f"`{name[3:]}`", f"`{label}`")
    return text


def _chosen(text: str, labels: Mapping[str, str]) -> Iterator[Chosen]:
    """Read what the program wrote: a line for each release, and comments that say what asked for it."""
    current: Requirement | None = None
    via: list[str] = []
    for line in [*text.splitlines(), ""]:
        comment = _VIA.match(line)
        if comment is not None and current is not None:
            via += [comment["what"]] if comment["what"] else []
            continue
        if current is not None:
            (pin,) = current.specifier
            yield Chosen(
                project_name(current.name), pin.version, str(current.marker or ""),
                tuple(labels.get(one, one) for one in via),
            )  # fmt: skip
        via, current = [], None
        if line.strip():
            try:
                current = Requirement(line.strip())
            except InvalidRequirement as error:
                raise AffineurError(f"the resolver's answer cannot be read: {line.strip()[:80]!r}") from error
