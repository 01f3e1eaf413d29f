"""Too little room on the disk: uploads wait for better times, everything else goes on."""

import pytest

from tests.support.distributions import wheel_bytes, wheel_name


@pytest.fixture(scope="module")
def settings():
    return {"AFFINEUR_MIN_FREE": str(2**60)}


def test_upload_is_507_and_pages_are_served(affineur, token, name, nothing_stored):
    answer = affineur.upload(wheel_name(name, "1.0"), wheel_bytes(name, "1.0"), token=token)
    assert answer.status_code == 507
    assert answer.reason.startswith("not enough room")
    assert answer.text.startswith("not enough room")
    nothing_stored(name)
    assert affineur.get("/internal/simple/").ok
