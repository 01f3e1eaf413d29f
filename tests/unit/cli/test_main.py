"""The command itself."""

import subprocess
import sys
from importlib.metadata import version

from typer.testing import CliRunner

from affineur.cli.main import app


def test_it_says_which_version_it_is():
    run = CliRunner().invoke(app, ["--version"])
    assert (run.exit_code, run.output) == (0, f"affineur {version('affineur')}\n")


def test_a_command_that_needs_no_network_does_not_load_what_the_network_needs():
    wanted = "import sys, affineur.cli.main, affineur.app; print(sorted({'aiohttp', 'jinja2'} & sys.modules.keys()))"
    run = subprocess.run([sys.executable, "-c", wanted], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"
