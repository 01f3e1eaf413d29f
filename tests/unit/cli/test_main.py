"""The command itself."""

from importlib.metadata import version

from typer.testing import CliRunner

from affineur.cli.main import app


def test_it_says_which_version_it_is():
    run = CliRunner().invoke(app, ["--version"])
    assert (run.exit_code, run.output) == (0, f"affineur {version('affineur')}\n")
