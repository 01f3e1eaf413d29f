"""`python -m affineur`: the same as the `affineur` command."""

from affineur.cli.main import run

run()
