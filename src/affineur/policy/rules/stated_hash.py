"""A mirrored file for which the upstream states no hash cannot be verified."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from affineur.model.decisions import Effect, Verdict
from affineur.policy.evidence import Need
from affineur.policy.rule import Facts


class StatedHash:
    """Hold mirrored files without a hash, unless the settings say to find it out."""

    name: ClassVar[str] = "stated-hash"
    needs: ClassVar[frozenset[Need]] = frozenset()

    def __init__(self, *, find_out: bool) -> None:
        self.find_out = find_out

    def judge(self, facts: Facts, now: datetime) -> Verdict | None:
        """Hold when the file is mirrored, has no hash, and first sight is not trusted."""
        del now
        if facts.mirrored and not facts.file.hashes and not self.find_out:
            sentence = (
                f"the upstream states no hash for {facts.file.filename}; unhashed_files = find-out trusts first sight"
            )
            return Verdict(self.name, Effect.HOLD, sentence)
        return None
