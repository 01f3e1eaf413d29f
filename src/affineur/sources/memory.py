"""What is kept in memory under one budget of bytes: entries, and the ready answers that hang on them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

_SEEN_ONCE = 16_384
"""Requests whose digest is kept to see whether they come again: proxies make each one different."""
_MOST_ANSWERS = 1000
"""Answers that may hang on one entry."""


@dataclass(slots=True, eq=False)
class Entry:
    """Something kept, and what hangs on it and is dropped with it."""

    expires: float
    """When it must be made again, on the monotonic clock."""
    weight: int = 0
    """Bytes that it takes, with all that hangs on it."""
    asked: dict[bytes, int] = field(default_factory=dict)
    """The requests whose answers hang on it, by digest, with the bytes each answer takes; the oldest first."""


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
    weight: int
    """Bytes that it takes besides what the entry holds anyway."""
    given: Callable[[str], None] | None = None
    """Called with the client's address each time it is given."""


class Memory:
    """Entries, the least used of which are dropped when the budget is spent."""

    def __init__(self, budget: int) -> None:
        self.budget, self.weight = budget, 0
        self._entries: OrderedDict[Hashable, Entry] = OrderedDict()
        self._answers: dict[bytes, Answer] = {}
        self._once: OrderedDict[bytes, None] = OrderedDict()

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
        """Hang a ready answer on the entry it was made from, unless that was dropped meanwhile.

        Only a request that comes a second time is remembered, so that those that never come again
        push nothing out.
        """
        if self._entries.get(answer.key) is not entry or self._is_new(asked):
            return
        self._forget(asked, entry)
        if len(entry.asked) >= _MOST_ANSWERS:
            self._forget(next(iter(entry.asked)), entry)
        self._answers[asked] = answer
        entry.asked[asked] = answer.weight
        self.add(answer.key, entry, answer.weight)

    def _is_new(self, asked: bytes) -> bool:
        if asked in self._answers or self._once.pop(asked, asked) is None:
            return False
        self._once[asked] = None
        if len(self._once) > _SEEN_ONCE:
            self._once.popitem(last=False)
        return True

    def _forget(self, asked: bytes, entry: Entry) -> None:
        if (weight := entry.asked.pop(asked, None)) is not None:
            self._answers.pop(asked, None)
            entry.weight -= weight
            self.weight -= weight

    def answer(self, asked: bytes, now: float) -> Answer | None:
        """Return the ready answer to a request, unless it no longer holds at `now`."""
        answer = self._answers.get(asked)
        if answer is None or now >= answer.until:
            return None
        self._entries.move_to_end(answer.key)
        return answer

    def forget_answers(self) -> None:
        """Forget every ready answer, as when what a principal may do has changed."""
        for entry in self._entries.values():
            for asked in list(entry.asked):
                self._forget(asked, entry)
