"""Load from wrk: one thread, some connections, some seconds, always the same request."""

import re
import subprocess


def requests_per_second(url, *, connections, seconds, headers=()):
    """Return how many right answers a second came.

    Raises:
        RuntimeError: an answer was an error, or none came.
    """
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s"]
    for header in headers:
        command += ["-H", header]
    done = subprocess.run([*command, url], capture_output=True, text=True, timeout=seconds + 60, check=True)
    wrong = re.search(r"Non-2xx or 3xx responses: (\d+)", done.stdout)
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)[1])
    if wrong or rate == 0:
        raise RuntimeError(f"{url}: {done.stdout}")
    return rate
