"""Load from wrk: one thread, some connections, some seconds, always the same request."""

import re
import subprocess


def requests_per_second(url, *, connections, seconds, headers=()):
    """Return how many answers a second came.

    Raises:
        RuntimeError: an answer was an error.
    """
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s"]
    for name, value in dict(headers).items():
        command += ["-H", f"{name}: {value}"]
    done = subprocess.run([*command, url], capture_output=True, text=True, timeout=seconds + 60, check=True)
    if "Non-2xx or 3xx responses" in done.stdout:
        raise RuntimeError(f"{url}: {done.stdout}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)[1])
