"""Uploads at the same moment: each is whole, and one name has one content."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.distributions import metadata_of, sdist_bytes, sdist_name, wheel_bytes, wheel_name


@pytest.fixture
def at_once():
    with ThreadPoolExecutor(8) as pool:
        yield lambda tasks: [future.result() for future in [pool.submit(*task) for task in tasks]]


def test_same_file_from_eight_clients(affineur, token, name, at_once):
    filename, body = wheel_name(name, "1.0"), wheel_bytes(name, "1.0")
    answers = at_once([(lambda: affineur.upload(filename, body, token=token),)] * 8)
    assert [answer.status_code for answer in answers] == [200] * 8
    [row] = affineur.page(name)["files"]
    assert affineur.get(row["url"]).content == body
    log = affineur.command("ledger", "log", "--project", name, "--kind", "file.uploaded", "--format", "json").stdout
    assert log.count('"file.uploaded"') == 1


def test_other_contents_under_one_name(affineur, token, name, at_once):
    bodies = [wheel_bytes(name, "1.0", padding=10 + number) for number in range(8)]
    answers = at_once(
        [(lambda body=body: affineur.upload(wheel_name(name, "1.0"), body, token=token),) for body in bodies]
    )
    codes = [answer.status_code for answer in answers]
    assert sorted(codes) == [200] + [400] * 7
    assert affineur.get(affineur.page(name)["files"][0]["url"]).content == bodies[codes.index(200)]


def test_one_content_under_other_names(affineur, token, name, at_once):
    body = wheel_bytes(name, "1.0")
    names = [wheel_name(name, "1.0", f"py3{minor}-none-any") for minor in range(8)]
    answers = at_once([(lambda f=filename: affineur.upload(f, body, token=token),) for filename in names])
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 7


def test_two_sdists_of_a_release(affineur, token, name, at_once):
    versions = ["1", "1.0", "1.0.0", "1.0.0.0"]
    answers = at_once(
        [
            (lambda v=version: affineur.upload(sdist_name(name, v), sdist_bytes(name, v), token=token),)
            for version in versions
        ]
    )
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]


def test_files_with_the_same_metadata(affineur, token, name, at_once):
    raw = metadata_of(name, "1.0")
    files = [
        (wheel_name(name, "1.0", f"py3{n}-none-any"), wheel_bytes(name, "1.0", metadata=raw, padding=n))
        for n in range(16)
    ]
    answers = at_once([(lambda file=file: affineur.upload(*file, token=token),) for file in files])
    assert [answer.status_code for answer in answers] == [200] * 16
    for row in affineur.page(name)["files"]:
        assert affineur.get(row["url"] + ".metadata").content == raw
