"""The transcripts of the documentation, run again: each command in one shell, its output compared.

In a block of type `console`, `$ ` begins a command, `> ` continues it, and the lines after it are its
output; `...` stands for whatever differs from run to run.
"""

import doctest
import re
import subprocess
from dataclasses import dataclass

_COMPARE = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
_CHECKER = doctest.OutputChecker()


@dataclass
class Step:
    """A command of a page with what it printed, there and here."""

    line: int
    command: str
    told: str = ""
    printed: str = ""
    status: int = 0

    @property
    def as_told(self):
        """Whether it printed what the page says; a command without output must have succeeded."""
        if not self.told.strip():
            return self.status == 0
        return _CHECKER.check_output(self.told, self.printed, _COMPARE)


def steps(text):
    """The commands of a page in order."""
    found, inside = [], False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            inside = line == "```console"
        elif inside and line.startswith("$ "):
            found.append(Step(number, line[2:]))
        elif inside and line.startswith("> ") and not found[-1].told:
            found[-1].command += "\n" + line[2:]
        elif inside:
            found[-1].told += line + "\n"
    return found


def replay(text, folder, environment, replaced=()):
    """Run the commands of a page in one shell; pairs in `replaced` stand for each other there and here."""
    made = steps(text)
    script = []
    for number, step in enumerate(made):
        command = step.command
        for there, here in replaced:
            command = command.replace(there, here)
        script.append(f"{{ {command}\n}} 2>&1 < /dev/null; printf '\\n<<%d %d>>\\n' {number} $?")
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    printed = re.split(r"\n<<(\d+) (\d+)>>\n", done.stdout)
    assert len(printed) == 3 * len(made) + 1, f"the shell ended early:\n{done.stdout}\n{done.stderr}"
    for number, step in enumerate(made):
        step.printed, step.status = printed[3 * number], int(printed[3 * number + 2])
        for there, here in replaced:
            step.printed = step.printed.replace(here, there)
    return made
