"""What is kept in memory under one budget of bytes: entries, and the ready answers that hang on them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Entry:
    """Something kept, and what hangs on it and is dropped with it."""

    expires: float
    """When it must be made again, on the monotonic clock."""
    weight: int = 0
    """Bytes that it takes, with all that hangs on it."""
    asked: set[bytes] = field(default_factory=set)
    """The requests whose answers hang on it, by digest."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it goes over the wire, in two parts between which the moment is written."""

    before: bytes
    after: bytes
    body: bytes
    until: float
    """When it no longer holds, on the monotonic clock."""
    key: Hashable
    """The entry it hangs on."""
    given: Callable[[str], None] | None = None
    """Called with the client's address each time it is given."""


class Memory:
    """Entries, the least used of which are dropped when the budget is spent."""

    def __init__(self, budget: int) -> None:
        self.budget, self.weight = budget, 0
        self._entries: OrderedDict[Hashable, Entry] = OrderedDict()
        self._answers: dict[bytes, Answer] = {}

    def get(self, key: Hashable, now: float) -> Entry | None:
        """Return the entry of that key unless it has expired at `now`."""
        entry = self._entries.get(key)
        if entry is None or now >= entry.expires:
            return None
        self._entries.move_to_end(key)
        return entry

    def keep(self, key: Hashable, entry: Entry) -> None:
        """Keep an entry in place of the one before."""
        self.drop(key)
        self._entries[key] = entry
        self.weight += entry.weight
        self._trim()

    def add(self, key: Hashable, entry: Entry, weight: int) -> None:
        """Note that so many more bytes hang on an entry; one that was dropped meanwhile is left alone."""
        if self._entries.get(key) is entry:
            entry.weight += weight
            self.weight += weight
            self._trim()

    def drop(self, key: Hashable) -> None:
        """Drop an entry and what hangs on it."""
        if (entry := self._entries.pop(key, None)) is not None:
            self.weight -= entry.weight
            for asked in entry.asked:
                self._answers.pop(asked, None)

    def clear(self) -> None:
        """Drop everything."""
        self._entries.clear()
        self._answers.clear()
        self.weight = 0

    def _trim(self) -> None:
        while self.weight > self.budget and len(self._entries) > 1:
            self.drop(next(iter(self._entries)))

    def remember(self, asked: bytes, answer: Answer, entry: Entry) -> None:
        """Hang a ready answer on the entry it was made from, unless that was dropped meanwhile."""
        if self._entries.get(answer.key) is not entry:
            return
        self._answers[asked] = answer
        if asked not in entry.asked:
            entry.asked.add(asked)
            self.add(answer.key, entry, len(answer.before) + len(answer.after) + 200)

    def answer(self, asked: bytes, now: float) -> Answer | None:
        """Return the ready answer to a request, unless it no longer holds at `now`."""
        answer = self._answers.get(asked)
        if answer is None or now >= answer.until:
            return None
        self._entries.move_to_end(answer.key)
        return answer

    def forget_answers(self) -> None:
        """Forget every ready answer, as when what a principal may do has changed."""
        self._answers.clear()
        for entry in self._entries.values():
            entry.asked.clear()
