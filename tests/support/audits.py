"""Audits by the command, and what they are given."""

import json

FOUND, UNSURE = 3, 4
"""Exit codes."""


def told(here, path, *records):
    """Import records."""
    path.write_text("\n".join(json.dumps(record) for record in records))
    here.command("advisories", "import", str(path))


def written(path, *lines):
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def audited(server, *arguments, code=None):
    """The report as JSON; the exit code is checked where one is expected."""
    run = server.command("audit", *arguments, "--format", "json", check=False)
    assert run.stdout, run.stderr
    if code is not None:
        assert run.returncode == code, run.stdout + run.stderr
    return json.loads(run.stdout)
