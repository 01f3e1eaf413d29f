"""Compare affineur with its peers and nginx in one run: python -m benchmarks.run [--rounds N] [--only PART]."""

import argparse
import shutil
import tempfile
from pathlib import Path

from benchmarks import cold, installs, lists, results, steady, uploads
from benchmarks.nginx import Nginx
from benchmarks.servers import PEERS, Ours
from benchmarks.tree import build
from benchmarks.tree_copy import copy

ROOT = Path(__file__).resolve().parents[1]
_KEPT = ROOT / "build" / "bench"
_PARTS = ("steady", "installs", "lists", "cold", "uploads")


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often each server has its turn")
    parser.add_argument("--seconds", type=int, default=2, help="how long each is under load in its turn")
    parser.add_argument("--only", choices=_PARTS, action="append", help="measure only this part")
    parser.add_argument("--peers", default=",".join(PEERS), help="the peers to compare with, separated by commas")
    return parser.parse_args()


class _Rows(list):
    """The rows so far, written down after each part: a run that is cut short leaves what it measured."""

    def __init__(self, about):
        super().__init__()
        self.about = about

    def __iadd__(self, more):
        self.extend(more)
        _KEPT.mkdir(parents=True, exist_ok=True)
        results.keep(self, _KEPT / "results.json", self.about)
        return self


def _warm(folder, tree, upstream, peers, parts, options, rows):
    """Measure what is asked of servers that hold everything already."""
    running = [Ours(folder / "data", upstream).start()]
    try:
        root = folder / "root"
        copy(running[0], tree, root)
        reference = Nginx(folder / "nginx", root).start()
        running.append(reference)
        servers = [running[0]]
        for peer in peers:
            servers.append(PEERS[peer](folder / peer, _KEPT / "venvs").start(tree, upstream))
            running.append(servers[-1])
        if "steady" in parts:
            rows += steady.measure(reference, servers, options.rounds, options.seconds)
        if "installs" in parts:
            rows += installs.measure(reference, servers, options.rounds)
    finally:
        for server in running:
            server.stop()


def main():
    """Measure, print the table and keep everything in build/bench/results.json."""
    options = _arguments()
    parts = options.only or list(_PARTS)
    peers = [name for name in options.peers.split(",") if name]
    folder = Path(tempfile.mkdtemp(prefix="affineur-bench-"))
    folder.chmod(0o755)
    about = results.machine()
    rows = _Rows(about)
    try:
        tree = build(folder / "tree")
        source = Nginx(folder / "upstream", tree.folder).start()
        try:
            upstream = f"{source.url}/simple/"
            if {"steady", "installs"} & set(parts):
                _warm(folder, tree, upstream, peers, parts, options, rows)
            if "lists" in parts:
                rows += lists.measure(folder, upstream, options.rounds, options.seconds)
        finally:
            source.stop()
        if "cold" in parts:
            rows += cold.measure(folder, tree, [name for name in peers if name == "proxpi"], _KEPT / "venvs")
        if "uploads" in parts:
            rows += uploads.measure(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print()
    print(", ".join(f"{key} {value}" for key, value in about.items()))
    print()
    print(results.table(rows))


if __name__ == "__main__":
    main()
