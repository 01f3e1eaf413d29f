"""`python -m affineur`: the same as the `affineur` command."""

from affineur.cli.entry import run

run()
