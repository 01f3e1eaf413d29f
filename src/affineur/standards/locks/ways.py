"""Under which markers, and for which groups, what a project asks for leads to each entry of a lock."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from affineur.standards.locks.values import either

Node = tuple[str, str, str]
"""Project, version and where it comes from."""

_MOST_WAYS = 8
"""Beyond so many different conditions an entry is taken as wanted everywhere: too much, never too little."""


@dataclass(frozen=True, slots=True)
class Edge:
    """What is asked for, under which marker and with which extras."""

    node: Node
    marker: str = ""
    extras: tuple[str, ...] = ()


def ways(
    starts: Sequence[tuple[str, Sequence[Edge]]],
    edges: Mapping[Node, Sequence[Edge]],
    by_extra: Mapping[tuple[Node, str], Sequence[Edge]],
) -> dict[Node, dict[str, str]]:
    """Return for every entry each group that leads to it, with the marker under which it does.

    Args:
        starts: what the project asks for, by group; "" is what it always asks for.
        edges: what each entry asks for.
        by_extra: what an entry asks for besides, with an extra of its own.
    """
    found: dict[Node, dict[str, str]] = {}
    for group, asked in starts:
        for node, markers in _of_group(asked, edges, by_extra).items():
            marker = either(" and ".join(sorted(way)) for way in sorted(markers, key=sorted))
            found.setdefault(node, {})[group] = marker
    return found


def _of_group(
    asked: Sequence[Edge],
    edges: Mapping[Node, Sequence[Edge]],
    by_extra: Mapping[tuple[Node, str], Sequence[Edge]],
) -> dict[Node, set[frozenset[str]]]:
    """Return the ways to each entry: each is a set of markers that must all hold."""
    conditions: dict[tuple[Node, str], set[frozenset[str]]] = {}
    waiting = deque((edge, frozenset[str]()) for edge in asked)
    while waiting:
        edge, before = waiting.popleft()
        way = before | {f"({edge.marker})" if " or " in edge.marker else edge.marker} if edge.marker else before
        for extra in ("", *edge.extras):
            place = (edge.node, extra)
            if not _added(conditions.setdefault(place, set()), way):
                continue
            beyond = edges.get(edge.node, ()) if not extra else by_extra.get(place, ())
            known = conditions[place]
            waiting.extend((one, way if way in known else frozenset()) for one in beyond)
    made: dict[Node, set[frozenset[str]]] = {}
    for (node, extra), ways_to in conditions.items():
        if not extra:
            made[node] = ways_to
    return made


def _added(ways_to: set[frozenset[str]], way: frozenset[str]) -> bool:
    """Add a way unless one of those known asks for no more; whether it was added."""
    if any(known <= way for known in ways_to):
        return False
    ways_to -= {known for known in ways_to if way <= known}
    ways_to.add(way)
    if len(ways_to) > _MOST_WAYS:
        ways_to.clear()
        ways_to.add(frozenset())
    return True
