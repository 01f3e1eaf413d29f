"""The machines that a lock is to be installed on."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from packaging.markers import Marker
from packaging.specifiers import SpecifierSet

from affineur.errors import Invalid
from affineur.model.files import File
from affineur.standards.platforms import PLATFORMS, USUAL_PLATFORMS, Target

_PYTHONS = tuple(f"3.{minor}" for minor in range(8, 30))


@dataclass(frozen=True)
class Machines:
    """Where a lock is to be installed."""

    targets: tuple[Target, ...]
    """For files; empty: any."""
    places: tuple[tuple[Target, Mapping[str, str]], ...]
    """Each target with what markers may see there; empty: anything."""
    usual: tuple[Target, ...]
    """The machines that most people have, where no platform is named."""
    markers: tuple[str, ...]
    oldest: str
    requires_python: str

    @classmethod
    def of(cls, targets: tuple[Target, ...], requires_python: str) -> Machines:
        """Work out where a lock is to be installed: on some targets, or on all that the project allows.

        Raises:
            Invalid: the project does not allow a Python that is asked for.
        """
        allowed = SpecifierSet(requires_python)
        named = sorted({t.python for t in targets if t.python}, key=_minor)
        for python in named:
            if not _allows(allowed, python.removesuffix("t")):
                raise Invalid(f"Python {python} is asked for, and the project says requires-python {allowed}")
        pythons = [p for p in _PYTHONS if _allows(allowed, p)]
        oldest = named[0].removesuffix("t") if named else (pythons[0] if requires_python and pythons else _own())
        later = [p for p in pythons if _minor(p) >= _minor(oldest)] or [oldest]
        places = tuple(
            (target, Target(platform, python).environment())
            for target in targets
            for platform in ([target.platform] if target.platform else PLATFORMS)
            for python in ([target.python] if target.python else later)
        )
        tried = [*named] or list(dict.fromkeys((oldest, _own() if _own() in later else oldest)))
        platforms = () if any(target.platform for target in targets) else USUAL_PLATFORMS
        usual = tuple(Target(platform, python) for platform in platforms for python in tried)
        markers = tuple(dict.fromkeys(_marker(target, environment) for target, environment in places))
        return cls(targets, places, usual, markers, oldest, str(allowed) or f">={oldest}")

    def narrowed(self, marker: str) -> str | None:
        """Return a marker without what holds on every machine asked for; None: it holds on none."""
        if not marker or not self.places:
            return marker
        parsed = Marker(marker)
        holds = [parsed.evaluate(dict(environment)) for _, environment in self.places]
        return "" if all(holds) else marker if any(holds) else None

    def wanting(self, marker: str) -> list[Target]:
        """Return the targets that name a platform on which a marker may hold."""
        parsed = Marker(marker) if marker else None
        wanting = (t for t, seen in self.places if t.platform and (parsed is None or parsed.evaluate(dict(seen))))
        return list(dict.fromkeys(wanting))

    def left_out(self, marker: str, files: Sequence[File]) -> list[Target]:
        """Return the usual machines on which a marker holds, and that none of some files fits."""
        parsed = Marker(marker) if marker else None
        wanting = (target for target in self.usual if parsed is None or parsed.evaluate(target.environment()))
        return [t for t in wanting if not any(t.fits(file.filename, file.requires_python or "") for file in files)]


def _allows(allowed: SpecifierSet, python: str) -> bool:
    """Whether some release of a Python is allowed."""
    return any(allowed.contains(f"{python}.{patch}") for patch in (0, 99))


def _marker(target: Target, environment: Mapping[str, str]) -> str:
    """Return the marker of a target, by what is seen on it."""
    keys = [
        *(("sys_platform", "platform_machine") if target.platform else ()),
        *(("python_version",) if target.python else ()),
    ]
    return " and ".join(f"{key} == '{environment[key]}'" for key in keys)


def _own() -> str:
    return f"3.{sys.version_info.minor}"


def _minor(python: str) -> tuple[int, str]:
    return int(python.removesuffix("t").partition(".")[2]), python
