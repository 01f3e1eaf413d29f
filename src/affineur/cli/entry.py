"""Where the `affineur` command begins.

`names check` is run over single names by hooks and editors. The whole program takes several times as
long to load as a name takes to be checked, so it is left out then, unless help or a mistake wants it.
"""

from __future__ import annotations

import argparse
import atexit
import gc
import os
import sys
from pathlib import Path

EXIT_ERROR, EXIT_FOUND = 1, 3
_SELDOM = 50_000
"""How many more objects there may be before a command looks for those that are garbage."""
_LASTING = {"serve", "worker"}
"""Commands that run on and on, whose garbage is looked for as usual."""


class _Parser(argparse.ArgumentParser):
    """Gives up on a mistake, so that the whole program tells about it."""

    def error(self, message: str) -> None:  # type: ignore[override]
        raise ValueError(message)


def _quick(arguments: list[str]) -> argparse.Namespace | None:
    parser = _Parser(add_help=False, allow_abbrev=False)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--level", choices=("warn", "deny"), default="warn")
    parser.add_argument("--exit-code", action="store_true")
    parser.add_argument("--data")
    parser.add_argument("--config", type=Path)
    try:
        return parser.parse_intermixed_args(arguments)
    except ValueError:
        return None


def run() -> None:
    """Run the command.

    Looking for garbage took a fifth of the processor's time of a command that is over soon, at its end too.
    """
    if not _LASTING & set(sys.argv[1:2]):
        gc.set_threshold(_SELDOM)
        atexit.register(gc.freeze)
    quick = _quick(sys.argv[3:]) if sys.argv[1:3] == ["names", "check"] else None
    if quick is None:
        from affineur.cli.main import run as whole

        whole()
        return
    from affineur.cli.names import check
    from affineur.errors import AffineurError, InvalidConfig

    try:
        found = check(quick.names, denials_only=quick.level == "deny", data=quick.data, config=quick.config)
        sys.exit(EXIT_FOUND if found and quick.exit_code else 0)
    except InvalidConfig as error:
        for problem in error.problems:
            print(f"{error.origin}: {problem}", file=sys.stderr)
        sys.exit(EXIT_ERROR)
    except AffineurError as error:
        print(f"affineur: {error.sentence}", file=sys.stderr)
        sys.exit(EXIT_ERROR)
    except BrokenPipeError:
        # The reader has left, as `head` does; nothing may be flushed to it at the end either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_ERROR)
