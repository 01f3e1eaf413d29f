"""What the log says of requests that failed."""

from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from affineur.web.server import _told


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/feeds/abcdefgh.atom", "/feeds/..."),
        ("/alerts/abc\ndef", "/alerts/..."),
        ("/main/simple/gouda/", "/main/simple/gouda/"),
        ("/main/alerts/x", "/main/alerts/x"),
    ],
)
@pytest.mark.parametrize("error", [RuntimeError("no"), OSError(28, "full")])
def test_secret_addresses_are_not_logged(path, told, error):
    with capture_logs() as logs:
        assert _told(SimpleNamespace(path=path, method="GET"), error) is not None
    assert [entry["path"] for entry in logs] == [told]
