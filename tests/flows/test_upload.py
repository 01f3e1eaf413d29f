"""Uploads: taken, refused, served."""

from tests.support.distributions import wheel_bytes, wheel_name


def test_upload_is_on_the_page_at_once_and_never_asked_upstream(affineur, upstream):
    token = affineur.token()
    filename, body = wheel_name("gouda", "1.0"), wheel_bytes("gouda", "1.0")
    answer = affineur.upload(filename, body, token=token)
    assert answer.status_code == 200, answer.text
    row = affineur.page("gouda")["files"][0]
    assert row["filename"] == filename
    assert affineur.get(row["url"]).content == body
    assert upstream.asked("gouda") == []


def test_same_again_is_fine_and_other_bytes_are_not(affineur):
    token = affineur.token()
    filename = wheel_name("gouda", "1.0")
    assert affineur.upload(filename, wheel_bytes("gouda", "1.0"), token=token).status_code == 200
    assert affineur.upload(filename, wheel_bytes("gouda", "1.0"), token=token).status_code == 200
    other = affineur.upload(filename, wheel_bytes("gouda", "1.0", padding=10), token=token)
    assert other.status_code == 400
    assert other.reason.startswith("File already exists")
    assert "File already exists" in other.text


def test_upload_without_a_token_is_refused(affineur):
    answer = affineur.upload(wheel_name("gouda", "1.0"), wheel_bytes("gouda", "1.0"))
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
