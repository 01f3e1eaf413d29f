"""Why a server did not answer, in words for people."""

from __future__ import annotations

import re

_TLS_SETTING = re.compile(r" ssl:(<[^>]*>|\w+)")
"""The client names the TLS settings it used, for programmers: an object and its address in memory."""


def reason(error: Exception) -> str:
    """Return what went wrong when a server was asked."""
    return _TLS_SETTING.sub("", str(error)) or type(error).__name__
