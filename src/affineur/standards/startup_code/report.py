"""Findings collected while a module is read, each once."""

from __future__ import annotations

from affineur.model.printable import in_one_line
from affineur.model.scans import Finding, Level, Moment, Trait

_MOST = 40
_LONGEST_TEXT = 200


def shown(text: str) -> str:
    """Return a line as it may be shown: printable, in one line, cut."""
    cut = in_one_line(text[:2000])
    return cut if len(cut) <= _LONGEST_TEXT else cut[: _LONGEST_TEXT - 1] + "…"


class Report:
    """The findings of one module, and the lines they stand in."""

    def __init__(self, member: str, source: str, moment: Moment) -> None:
        self.member, self.moment = member, moment
        self._lines = source.split("\n")
        self.found: dict[tuple[Trait, int], Finding] = {}
        self.inside: list[int] = []
        """The lines that nested code stands in, the outermost first."""
        self.hidden: list[str] = []
        """What was decoded there."""

    def add(self, trait: Trait, level: Level, line: int, what: str) -> None:
        """Note a finding; of one trait in one line the heaviest is kept."""
        line = self.inside[0] if self.inside else line
        key = trait, line
        known = self.found.get(key)
        if (known is not None and known.level >= level) or len(self.found) >= _MOST:
            return
        text = self._lines[line - 1] if 0 < line <= len(self._lines) else ""
        if self.hidden:
            text = f"{text.strip()[:90]} → {self.hidden[-1]}"
        self.found[key] = Finding(trait, level, self.member, line, shown(text), f"{what} {self.moment}")

    def has(self, trait: Trait) -> bool:
        """Whether something of this trait was found."""
        return any(found is trait for found, _ in self.found)

    def findings(self) -> list[Finding]:
        """Return what was found, credentials and lasting changes weighed by what stands beside them."""
        grave = self.has(Trait.NETWORK) or self.has(Trait.SENDS_DATA) or self.has(Trait.HIDDEN_CODE)
        made = []
        for finding in self.found.values():
            if grave and finding.trait in {Trait.CREDENTIALS, Trait.PERSISTENCE} and finding.level is Level.WARN:
                made.append(
                    Finding(
                        finding.trait, Level.HOLD, finding.member, finding.line, finding.text,
                        f"{finding.sentence}, in code that also uses the network or hides what it runs",
                    )
                )  # fmt: skip
            else:
                made.append(finding)
        return made
