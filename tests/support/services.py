"""Services that a machine may lack: tests that need one skip with its name, or fail where it is required."""

import os

import pytest


def lacking(service: str) -> None:
    """Skip because `service` is not here; fail where AFFINEUR_REQUIRE_SERVICES=1 asks for it."""
    if os.environ.get("AFFINEUR_REQUIRE_SERVICES") == "1":
        pytest.fail(f"{service} is required here and does not answer")
    pytest.skip(f"no {service} on this machine")
