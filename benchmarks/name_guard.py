"""What the name guard finds and what it flags by mistake.

    python -m benchmarks.name_guard          print the tables of docs/name-guard.md
    python -m benchmarks.name_guard --write  write them into it
    python -m benchmarks.name_guard --fit    fit the weights of affineur.policy.lookalikes.judgement anew

Confusions are generated from popular names, four times as often from the thousand most popular as from
the rest. Ordinary names are the popular ones from rank 3,001 on: each is judged as if it were not
known, among all the others and by the habits of four fifths of the names without it. Names that
Debian gives to Python projects, and names that were removed as malicious, are in `data/`.
"""

from __future__ import annotations

import argparse
import math
import random
import re
import string
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from affineur.policy.lookalikes import judgement
from affineur.policy.lookalikes.aliases import IMITATED, IMPORT_NAMES
from affineur.policy.lookalikes.guard import Finding, Guard, judged, targets
from affineur.policy.lookalikes.popular import popular
from affineur.policy.lookalikes.search import Match, Search
from affineur.policy.lookalikes.spelling import NEIGHBOURS, Kind, one_edit, squashed
from affineur.policy.lookalikes.stdlib_names import BACKPORTS, stdlib_names
from affineur.policy.lookalikes.usage import Usage

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "name-guard.md"
FOLDS = 5
ORDINARY_FROM = 3000
"""Popular names of later ranks stand for ordinary ones."""


class Bench:
    """The shipped names, and habits learnt without a fifth of them."""

    def __init__(self) -> None:
        self.known = popular()
        self.search = Search(targets(self.known))
        shuffled = random.Random(5)
        self.fold = {name: shuffled.randrange(FOLDS) for name in self.known.names}
        self.usages = [Usage(n for n in self.known.names if self.fold[n] != fold) for fold in range(FOLDS)]
        self.usage = Usage(self.known.names)
        self.guard = Guard(self.known)

    def ordinary(self) -> tuple[str, ...]:
        return self.known.names[ORDINARY_FROM:]

    def matches(self, name: str) -> Iterator[Match]:
        return (match for match in self.search.matches(name) if match.target.project != name)

    def unknown(self, name: str) -> Finding:
        """Judge a popular name as if nobody knew it."""
        found = ((name, match) for match in self.matches(name))
        level, match = judged(name, found, self.usages[self.fold[name]])
        if match is None or not level:
            return Finding(name, False)
        return Finding(name, True, match.target.project, match.kind.value, level.name.lower())


def insertion(name: str, dice: random.Random) -> str:
    at = dice.randrange(len(name) + 1)
    return name[:at] + dice.choice(string.ascii_lowercase) + name[at:]


def omission(name: str, dice: random.Random) -> str:
    at = dice.randrange(len(name))
    return name[:at] + name[at + 1 :]


def substitution(name: str, dice: random.Random) -> str:
    at = dice.randrange(len(name))
    return name[:at] + dice.choice(string.ascii_lowercase) + name[at + 1 :]


def neighbour(name: str, dice: random.Random) -> str:
    at = dice.randrange(len(name))
    return name[:at] + dice.choice(sorted(NEIGHBOURS.get(name[at], "x"))) + name[at + 1 :]


def doubled(name: str, dice: random.Random) -> str:
    at = dice.randrange(len(name))
    return name[:at] + name[at] + name[at:]


def swap(name: str, dice: random.Random) -> str:
    at = dice.randrange(len(name) - 1)
    return name[:at] + name[at + 1] + name[at] + name[at + 2 :]


def separator(name: str, dice: random.Random) -> str:
    if "-" in name:
        return name.replace("-", "") if dice.random() < 0.5 else name.replace("-", "", 1)
    at = dice.randrange(2, len(name) - 1) if len(name) > 3 else 1
    return name[:at] + "-" + name[at:]


def homoglyph(name: str, dice: random.Random) -> str:
    pairs = [("o", "0"), ("l", "1"), ("i", "1"), ("l", "i"), ("i", "l"), ("m", "rn"), ("w", "vv"), ("0", "o")]
    shape, other = dice.choice(pairs)
    return name.replace(shape, other, 1)


def two_edits(name: str, dice: random.Random) -> str:
    if len(name) < 4:
        return name
    one, other = dice.choices(ONE_EDIT, k=2)
    return other(one(name, dice), dice)


def affix(name: str, dice: random.Random) -> str:
    word, front = dice.choice(AFFIXES)
    join = dice.choice(["-", "-", ""]) if not word.isdigit() else ""
    return word + join + name if front else name + join + word


def bare(name: str, dice: random.Random) -> str:
    del dice
    return re.sub(r"^(python3?-|py-?)|(-python|-py)$", "", name, count=1)


def order(name: str, dice: random.Random) -> str:
    words = name.split("-")
    dice.shuffle(words)
    return "-".join(words)


AFFIXES = [(w, True) for w in ("python-", "python3-", "py", "py-", "pip-", "lib", "the-", "my-", "new-")] + [
    (w, False)
    for w in (
        "python",
        "py",
        "2",
        "3",
        "dev",
        "lib",
        "pro",
        "plus",
        "new",
        "utils",
        "tools",
        "client",
        "api",
        "sdk",
        "test",
        "beta",
        "fix",
        "cli",
        "core",
        "official",
    )
]
AFFIXES = [(w.strip("-"), front) for w, front in AFFIXES]
ONE_EDIT: list[Callable[[str, random.Random], str]] = [
    insertion, omission, substitution, neighbour, doubled, swap,
]  # fmt: skip
CLOSE = [*ONE_EDIT, separator, homoglyph]
LOOSE = [two_edits, affix, bare, order]


def target_of(names: tuple[str, ...], dice: random.Random) -> str:
    """A third those often imitated, a third by the logarithm of the rank, a third from the first 1,000, 3,000 or all."""
    lot = dice.random()
    if lot < 1 / 3:
        return dice.choice([name for name in names if name in IMITATED])
    if lot < 2 / 3:
        return names[int(len(names) ** dice.random()) - 1]
    return names[dice.randrange(dice.choice((1000, 1000, 3000, len(names))))]


def generated(
    bench: Bench, way: Callable[[str, random.Random], str], count: int, seed: int
) -> Iterator[tuple[str, str]]:
    """Yield (confusion, what was meant); nothing that is itself a known name or none at all."""
    dice, known = random.Random(f"{way.__name__} {seed}"), {squashed(name) for name in bench.known.names}
    made = 0
    for _ in range(count * 60):
        meant = target_of(bench.known.names, dice)
        name = way(meant, dice)
        again = squashed(name) in known and way is not separator
        if again or name in bench.known or not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) or len(name) < 3:
            continue
        yield name, meant
        made += 1
        if made == count:
            return


def listed(name: str) -> list[str]:
    lines = (HERE / "data" / name).read_text(encoding="ascii").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def removed() -> Iterator[tuple[str, set[str]]]:
    for line in listed("removed_names.txt"):
        meant, _, names = line.partition(":")
        for name in names.split():
            yield name, set(meant.split(","))


def logistic(rows: list[dict[str, float]], truth: list[int], weight: list[float]) -> dict[str, float]:
    """Fit by Newton's method with a little ridge; small enough to need no library."""
    keys = sorted({key for row in rows for key in row})
    place = {key: i for i, key in enumerate(keys)}
    sparse = [[(place[key], value) for key, value in row.items() if value] for row in rows]
    beta = [0.0] * len(keys)
    for _ in range(12):
        slope = [-2.0 * b for b in beta]
        curve = [[2.0 if i == j else 0.0 for j in range(len(keys))] for i in range(len(keys))]
        for row, y, w in zip(sparse, truth, weight, strict=True):
            p = 1 / (1 + math.exp(-max(-30.0, min(30.0, sum(beta[i] * v for i, v in row)))))
            for i, v in row:
                slope[i] += w * (y - p) * v
                for j, u in row:
                    curve[i][j] += w * p * (1 - p) * v * u
        step = solved(curve, slope)
        beta = [b + s for b, s in zip(beta, step, strict=True)]
    return dict(zip(keys, beta, strict=True))


def solved(matrix: list[list[float]], right: list[float]) -> list[float]:
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for i in range(len(rows)):
        best = max(range(i, len(rows)), key=lambda r: abs(rows[r][i]))
        rows[i], rows[best] = rows[best], rows[i]
        for r in range(len(rows)):
            if r != i and rows[r][i]:
                factor = rows[r][i] / rows[i][i]
                rows[r] = [a - factor * b for a, b in zip(rows[r], rows[i], strict=True)]
    return [row[-1] / row[i] for i, row in enumerate(rows)]


def fit(bench: Bench) -> None:
    print_weights("one edit", bench, lambda match: match.edit is not None, judgement.features, ONE_EDIT, 1200)
    two = judgement.features_of_two
    print_weights("two edits", bench, lambda match: match.kind is Kind.EDITS, two, [two_edits], 6000)


def print_weights(
    title: str,
    bench: Bench,
    concerns: Callable[[Match], bool],
    features: Callable[[str, Match, Usage], dict[str, float]],
    ways: list[Callable[[str, random.Random], str]],
    count: int,
) -> None:
    honest = [
        features(name, match, bench.usages[bench.fold[name]])
        for name in bench.ordinary()
        for match in bench.matches(name)
        if concerns(match) and not match.target.module
    ]
    made = [
        features(name, match, bench.usage)
        for way in ways
        for name, meant in generated(bench, way, count, seed=2)
        for match in bench.search.matches(name)
        if concerns(match) and match.target.project == meant
    ]
    truth = [0] * len(honest) + [1] * len(made)
    weight = [6.0] * len(honest) + [1.0] * len(made)
    print(f"{title}: {len(honest)} honest pairs, {len(made)} generated")
    for key, value in sorted(logistic([*honest, *made], truth, weight).items()):
        print(f'        "{key}": {value:.2f},')


Judged = tuple[str, set[str], Finding]


def share(found: Iterable[bool]) -> str:
    rows = list(found)
    return f"{100 * sum(rows) / len(rows):.1f} %" if rows else "–"


def recall_row(title: str, rows: list[Judged]) -> str:
    flagged = [row for row in rows if row[2].flagged]
    right = share(finding.target in meant for _, meant, finding in flagged)
    denied = share(finding.level == "deny" for _, _, finding in rows)
    return f"| {title} | {len(rows):,} | {share(f.flagged for _, _, f in rows)} | {denied} | {right} |"


def recall(bench: Bench) -> Iterator[str]:
    yield "| confusion | names | flagged | denied | right target |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    every: dict[str, list[Judged]] = defaultdict(list)
    for way in [*CLOSE, *LOOSE]:
        rows = [(name, {meant}, bench.guard.check(name)) for name, meant in generated(bench, way, 1500, seed=7)]
        yield recall_row("word for Python missing" if way is bare else way.__name__.replace("_", " "), rows)
        every[
            "one edit" if way in ONE_EDIT else "affix, word for Python missing, order" if way in LOOSE[1:] else ""
        ] += rows
        every["all but affixes and order"] += [] if way in LOOSE[1:] else rows
    for title in ("one edit", "all but affixes and order", "affix, word for Python missing, order"):
        yield recall_row(f"**{title}**", every[title])
    yield recall_row("modules of the standard library", modules(bench))


def modules(bench: Bench) -> list[Judged]:
    names = stdlib_names() - BACKPORTS
    return [(name, {name}, bench.guard.check(name)) for name in sorted(names)]


def removed_table(bench: Bench) -> Iterator[str]:
    yield "| removed as malicious | names | flagged | denied | right target |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    rows = [(name, meant, bench.guard.check(name)) for name, meant in removed() if name not in bench.known]
    single = [row for row in rows if any(one_edit(squashed(row[0]), squashed(meant)) for meant in row[1])]
    yield recall_row("one edit", single)
    yield recall_row("other", [row for row in rows if row not in single])


def debian_names(bench: Bench) -> list[str]:
    """Names of Debian that no popular project would have there: it names packages by what is imported."""
    modules = set(map(squashed, bench.known.names)) | set(map(squashed, IMPORT_NAMES))
    modules |= {squashed(bare(name, random.Random(0))) for name in bench.known.names}
    return [name for name in listed("debian_names.txt") if squashed(name) not in modules]


def alarms(bench: Bench) -> Iterator[str]:
    ordinary = [(name, bench.unknown(name)) for name in bench.ordinary()]
    whole = [(name, bench.guard.check(name)) for name in listed("debian_names.txt") if name not in bench.known]
    debian = [(name, bench.guard.check(name)) for name in debian_names(bench)]
    yield "| length of the name | popular, as if unknown | denied | flagged | Debian's, unknown | denied | flagged |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    for first, last in ((1, 4), (5, 5), (6, 6), (7, 8), (9, 11), (12, 15), (16, 99), (1, 99)):
        cells = []
        for rows in (ordinary, debian):
            some = [finding for name, finding in rows if first <= len(squashed(name)) <= last]
            cells += [f"{len(some):,}", share(f.level == "deny" for f in some), share(f.flagged for f in some)]
        title = (
            "**all**"
            if last - first > 90
            else f"{first}"
            if first == last
            else f"{first} to {last}"
            if last < 99
            else f"{first} and more"
        )
        yield f"| {title} | {' | '.join(cells)} |"
    flagged, denied = share(f.flagged for _, f in whole), share(f.level == "deny" for _, f in whole)
    yield f"| with modules of popular projects | | | | {len(whole):,} | {denied} | {flagged} |"
    yield ""
    yield "| kind | denied | warned of | for example |"
    yield "| --- | ---: | ---: | --- |"
    kinds: dict[str, list[tuple[str, Finding]]] = defaultdict(list)
    for name, finding in ordinary:
        if finding.kind:
            kinds[finding.kind].append((name, finding))
    for kind, rows in sorted(kinds.items(), key=lambda item: -len(item[1])):
        levels = Counter(finding.level for _, finding in rows)
        some = ", ".join(f"{name} ({finding.target})" for name, finding in rows[:3])
        part = [f"{100 * levels[level] / len(ordinary):.2f} %" for level in ("deny", "warn")]
        yield f"| {kind} | {part[0]} | {part[1]} | {some} |"


def speed(bench: Bench) -> Iterator[str]:
    began = time.process_time()
    fresh = Guard(bench.known)
    fresh.check("reqeusts")
    ready = time.process_time() - began
    names = [name for name in listed("debian_names.txt") if name not in bench.known] * 4
    began = time.process_time()
    for name in names:
        fresh.check(name)
    rate = len(names) / (time.process_time() - began)
    yield f"Tables made and first name judged: {ready * 1000:.0f} ms of processor time; then {rate:,.0f} unknown names a second."


TABLES = {"recall": recall, "removed": removed_table, "alarms": alarms, "speed": speed}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    bench = Bench()
    if chosen.fit:
        fit(bench)
        return
    page = PAGE.read_text(encoding="utf-8")
    for title, table in TABLES.items():
        text = "\n".join(table(bench))
        print(f"{text}\n")
        begin, end = f"<!-- {title} -->", f"<!-- end of {title} -->"
        page = f"{page.split(begin)[0]}{begin}\n\n{text}\n\n{end}{page.split(end)[1]}" if begin in page else page
    if chosen.write:
        PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
