"""What was measured, as JSON and as a Markdown table."""

import json
import math
import os
import platform
import statistics
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

REFERENCE = "nginx"
ABSENT = math.nan


@dataclass
class Row:
    """A row of the table: for each server the values of every round, in `unit`."""

    work: str
    unit: str
    goal: float | None
    """The goal for affineur: a ratio to nginx, or where `absolute` a value; None: the figure alone is told."""
    at_least: bool = True
    absolute: bool = False
    values: dict[str, list[float]] = field(default_factory=dict)
    note: str = ""

    def add(self, server, value):
        self.values.setdefault(server, []).append(value)

    def figure(self, server):
        """Return the median of a server's ratios to nginx in the same round, or of its values; None if it has none."""
        own = self.values.get(server, [])
        if not own or any(math.isnan(value) for value in own):
            return None
        if self.absolute:
            return statistics.median(own)
        return statistics.median(value / base for value, base in zip(own, self.values[REFERENCE], strict=True))

    @property
    def met(self):
        figure = self.figure("affineur")
        if self.goal is None:
            return None
        return figure is not None and (figure >= self.goal if self.at_least else figure <= self.goal)


def machine():
    """Return on what and when this was measured."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    return {
        "at": datetime.now(UTC).isoformat(timespec="minutes"),
        "processor": model,
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 1),
    }


def _shown(row, server):
    figure = row.figure(server)
    if figure is None:
        return "–"
    text = f"{figure:.2g}" if figure < 10 else f"{figure:.0f}"
    return f"{text} {row.unit}" if row.absolute else text


def table(rows):
    """Return the rows as a Markdown table: ratios to nginx, or values where the row says so."""
    peers = [name for row in rows for name in row.values if name not in {"affineur", REFERENCE}]
    servers = ["affineur", *dict.fromkeys(peers)]
    lines = [f"| work | goal | {' | '.join(servers)} | nginx |", "|---|---|" + "---|" * (len(servers) + 1)]
    for row in rows:
        sign = "≥" if row.at_least else "≤"
        goal = "–" if row.goal is None else f"{sign} {row.goal:g} {row.unit if row.absolute else ''}".strip()
        base = "–"
        if row.values.get(REFERENCE):
            value = statistics.median(row.values[REFERENCE])
            base = f"{value:.3g} {row.unit}" if value < 1000 else f"{value:,.0f} {row.unit}"
        figures = [_shown(row, server) for server in servers]
        if row.met is not None:
            figures[0] = f"**{figures[0]}**" if row.met else f"{figures[0]} (missed)"
        lines.append(f"| {row.work} | {goal} | {' | '.join(figures)} | {base} |")
    return "\n".join(lines)


def keep(rows, path: Path, about):
    """Write everything that was measured."""
    document = {"machine": about, "rows": [{**asdict(row), "met": row.met} for row in rows]}
    path.write_text(json.dumps(document, indent=1))
