"""What an upload may be called: taken names, deleted names, public names, and whose project it is."""

import hashlib

import pytest

from tests.support.distributions import metadata_of, sdist_bytes, sdist_name, wheel_bytes, wheel_name

EXISTS = "File already exists"


def wheel(name, version="1.0", **details):
    return wheel_name(name, version, details.get("tag", "py3-none-any")), wheel_bytes(name, version, **details)


def exists(answer):
    assert answer.status_code == 400, answer.text
    assert answer.reason.startswith(EXISTS)
    assert answer.text.startswith(EXISTS)


def serial(affineur):
    return int(affineur.get("/internal/simple/").headers["X-PyPI-Last-Serial"])


def test_the_same_again_changes_nothing(affineur, token, name):
    filename, body = wheel(name)
    assert affineur.upload(filename, body, token=token).status_code == 200
    page, before = affineur.page(name), serial(affineur)
    again = affineur.upload(filename, body, token=token, fields={"comment": "once more"})
    assert again.status_code == 200
    assert (affineur.page(name), serial(affineur)) == (page, before)


def test_other_bytes_under_a_taken_name_are_refused(affineur, token, name):
    filename, body = wheel(name)
    affineur.upload(filename, body, token=token)
    exists(affineur.upload(filename, wheel_bytes(name, "1.0", padding=9), token=token))
    assert affineur.get(affineur.page(name)["files"][0]["url"]).content == body


def test_the_same_content_under_another_name_is_refused(affineur, token, name):
    filename, body = wheel(name)
    affineur.upload(filename, body, token=token)
    answer = affineur.upload(filename.replace("py3-none", "py2.py3-none"), body, token=token)
    exists(answer)
    assert filename in answer.reason


def test_a_release_has_one_sdist(affineur, token, name):
    assert affineur.upload(sdist_name(name, "1.0"), sdist_bytes(name, "1.0"), token=token).status_code == 200
    answer = affineur.upload(sdist_name(name, "1.0.0"), sdist_bytes(name, "1.0.0"), token=token)
    exists(answer)
    assert "only one" in answer.reason
    assert affineur.upload(sdist_name(name, "1.0.1"), sdist_bytes(name, "1.0.1"), token=token).status_code == 200


def test_a_deleted_name_is_never_used_again(affineur, token, name):
    filename, body = wheel(name)
    affineur.upload(filename, body, token=token)
    affineur.command("withdraw", "delete", f"{name}==1.0", "--yes")
    exists(affineur.upload(filename, body, token=token))
    exists(affineur.upload(filename, wheel_bytes(name, "1.0", padding=1), token=token))
    assert affineur.page(name)["files"] == []


def test_name_served_by_a_mirror_wants_a_grant(affineur, token, name, upstream):
    upstream.wheel(name, "1.0")
    assert affineur.page(name)["files"]
    answer = affineur.upload(*wheel(name, "2.0"), token=token)
    assert answer.status_code == 403
    assert "served from the mirror public" in answer.reason
    assert f"affineur index claim {name}" in answer.reason
    affineur.command("index", "claim", name)
    assert affineur.upload(*wheel(name, "2.0"), token=token).status_code == 200
    assert [row["filename"] for row in affineur.page(name)["files"]] == [wheel_name(name, "2.0")]


@pytest.mark.parametrize("popular", ["requests", "Flask", "zope.interface"])
def test_name_of_a_popular_project_wants_a_grant(affineur, token, popular, upstream):
    filename = f"{popular.replace('.', '_').lower()}-99.0-py3-none-any.whl"
    body = wheel_bytes(popular.replace(".", "_"), "99.0", metadata=metadata_of(popular, "99.0"))
    answer = affineur.upload(filename, body, token=token, name=popular)
    assert answer.status_code == 403
    assert "popular public project" in answer.reason
    assert upstream.asked(popular.lower()) == []
    affineur.command("index", "claim", popular)
    assert affineur.upload(filename, body, token=token, name=popular).status_code == 200


def test_a_token_of_one_project_uploads_no_other(affineur, name):
    limited = affineur.token("internal", "upload", "bea", "--project", name)
    assert affineur.upload(*wheel(name), token=limited).status_code == 200
    answer = affineur.upload(*wheel(f"{name}-other"), token=limited)
    assert answer.status_code == 403
    assert f"may not upload {name}-other" in answer.reason


def test_archived_quarantined_deprecated(affineur, token, name):
    filename, body = wheel(name)
    affineur.upload(filename, body, token=token)
    address = affineur.page(name)["files"][0]["url"]

    affineur.command("withdraw", "archive", name, "--reason", "finished")
    page = affineur.page(name)
    assert page["project-status"] == {"status": "archived", "reason": "finished"}
    assert affineur.get(address).content == body
    answer = affineur.upload(*wheel(name, "1.1"), token=token)
    assert (answer.status_code, "archived" in answer.reason) == (403, True)

    affineur.command("withdraw", "quarantine", name, "--reason", "stolen")
    page = affineur.page(name)
    assert (page["project-status"]["status"], page["files"]) == ("quarantined", [])
    assert affineur.upload(*wheel(name, "1.1"), token=token).status_code == 403
    for index in ("internal", "main"):
        for suffix in ("", ".metadata"):
            answer = affineur.get(address.replace("/main/", f"/{index}/") + suffix)
            assert answer.status_code in {403, 404}, (index, suffix)

    affineur.command("withdraw", "deprecate", name, "--reason", "use another")
    assert affineur.page(name)["project-status"]["status"] == "deprecated"
    assert affineur.get(address).content == body
    assert affineur.upload(*wheel(name, "1.1"), token=token).status_code == 200

    affineur.command("withdraw", "activate", name)
    assert affineur.page(name).get("project-status", {"status": "active"})["status"] == "active"


def test_local_version_by_either_spelling_of_its_address(affineur, token, name):
    filename, body = wheel(name, "1.0+cu.1")
    assert affineur.upload(filename, body, token=token, version="1.0+cu.1").status_code == 200
    address = affineur.page(name)["files"][0]["url"].replace("%2B", "+")
    assert affineur.get(address).content == body
    assert affineur.get(address.replace("+", "%2B")).content == body


@pytest.mark.parametrize("filename", ["{0}-1.0.zip", "{0}-1.0.egg", "{0}-1.0.tar.bz2", "{0}.exe", "{0}"])
def test_other_kinds_of_files_are_refused(affineur, token, name, filename):
    stem = name.replace("-", "_")
    fields = {"filetype": "sdist", "pyversion": "source"}
    answer = affineur.upload(
        filename.format(stem), sdist_bytes(name, "1.0"), token=token, fields=fields, name=name, version="1.0"
    )
    assert answer.status_code == 400
    assert "only wheels (.whl) and sdists (.tar.gz)" in answer.reason


@pytest.mark.parametrize("write", [str.upper, str.title, lambda name: name.replace("_", "-"), lambda n: f"{n}_x"])
def test_sdist_must_be_named_as_the_specification_says(affineur, token, name, write):
    stem = write(name.replace("-", "_"))
    answer = affineur.upload(f"{stem}-1.0.tar.gz", sdist_bytes(name, "1.0"), token=token, name=name, version="1.0")
    assert answer.status_code == 400


def test_metadata_beside_the_wheel_is_the_wheels_own(affineur, token, name):
    raw = metadata_of(name, "1.0", requires=["packaging>=24"], requires_python=">=3.8", extra="\nLong text\r\n")
    fields = {"requires_dist": "packaging >= 24", "requires_python": ">=3.8"}
    filename, body = wheel(name, metadata=raw)
    assert affineur.upload(filename, body, token=token, fields=fields).status_code == 200
    row = affineur.page(name)["files"][0]
    assert row["requires-python"] == ">=3.8"
    assert row["core-metadata"] == {"sha256": hashlib.sha256(raw).hexdigest()}
    assert affineur.get(row["url"] + ".metadata").content == raw


DIFFERENT = {
    "name": {"name": "affineur-sample-other"},
    "version": {"version": "1.1"},
    "requires_dist": {"requires_dist": "packaging<24"},
    "one more": {"requires_dist": ["packaging>=24", "attrs"]},
    "none": {"requires_dist": None},
    "requires_python": {"requires_python": ">=3.9"},
    "provides_extra": {"provides_extra": "another"},
}


@pytest.mark.parametrize("case", DIFFERENT)
def test_form_that_contradicts_the_file_is_refused(affineur, token, name, nothing_stored, case):
    raw = metadata_of(name, "1.0", requires=["packaging>=24"], requires_python=">=3.8", extra="Provides-Extra: more\n")
    fields = {"requires_dist": "packaging>=24", "requires_python": ">=3.8", "provides_extra": "more"}
    answer = affineur.upload(*wheel(name, metadata=raw), token=token, fields={**fields, **DIFFERENT[case]})
    assert answer.status_code == 400, answer.text
    nothing_stored(name)


@pytest.mark.parametrize(("written", "named"), [("1.1", "1.0"), ("1.0", "1.1")])
def test_metadata_that_contradicts_the_file_name_is_refused(affineur, token, name, written, named):
    body = wheel_bytes(name, named, metadata=metadata_of(name, written))
    answer = affineur.upload(wheel_name(name, named), body, token=token, version=written)
    assert answer.status_code == 400
    assert "Version" in answer.reason
