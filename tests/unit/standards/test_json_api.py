"""The JSON API's document, made of a page."""

from datetime import UTC, datetime

from affineur.model.files import File, Page
from affineur.model.names import ProjectName
from affineur.standards import core_metadata, json_api

SHA = "a" * 64


def file(version, *, suffix="-py3-none-any.whl", **more):
    moment = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
    return File(f"brie-{version}{suffix}", version, {"sha256": SHA}, 10, moment, **more)


def shown(*files, versions=(), **more):
    page = Page(ProjectName("brie"), files, versions=versions, serial=7)
    link = "https://example.org/packages/".__add__
    return json_api.Shown(page, lambda f: link(f.filename), "https://example.org/main/project/brie/", **more)


def latest(view):
    found = json_api.latest(json_api.releases_of(view.page))
    return found and found.version


def test_versions_that_compare_equal_are_one_release():
    releases = json_api.releases_of(shown(file("1.0"), file("1.0.0", suffix=".tar.gz"), file("1.1")).page)
    assert [(r.version, len(r.files)) for r in releases] == [("1.0", 2), ("1.1", 1)]
    assert json_api.find(releases, "1") is releases[0]
    assert json_api.find(releases, "1.0.0") is releases[0]
    assert json_api.find(releases, "2") is None


def test_versions_are_ordered_as_versions_and_odd_ones_come_first():
    releases = json_api.releases_of(shown(file("10.0"), file("9.0"), file("2004d"), versions=("11.0",)).page)
    assert [r.version for r in releases] == ["2004d", "9.0", "10.0", "11.0"]
    assert json_api.find(releases, "2004d").version == "2004d"


def test_latest_is_the_highest_that_is_neither_yanked_nor_a_prerelease():
    assert latest(shown(file("1.0"), file("3.0", yanked=True), file("4.0rc1"), file("2.0"))) == "2.0"
    assert latest(shown(file("1.0rc1"), file("1.0rc2"))) == "1.0rc2"
    assert latest(shown(file("1.0", yanked=True), file("2.0", yanked=True))) == "2.0"
    assert latest(shown(file("1.0", yanked=True), file("0.9rc1"))) == "0.9rc1"
    assert latest(shown(file("1.0"), versions=("2.0",))) == "1.0"
    assert latest(shown(versions=("2.0",))) is None


def test_what_the_gate_refuses_is_left_out_with_releases_that_lose_everything():
    releases = json_api.releases_of(
        shown(file("1.0"), file("2.0"), file("3.0"), file("3.0", suffix=".tar.gz"), versions=("4.0",)).page
    )
    there = json_api.passing(releases, {"brie-2.0-py3-none-any.whl": "too young", "brie-3.0.tar.gz": "no"})
    assert [(r.version, len(r.files)) for r in there] == [("1.0", 1), ("3.0", 1), ("4.0", 0)]
    assert json_api.latest(there).version == "3.0"


def test_row_has_the_old_fields_and_the_new():
    view = shown(
        file("1.0", metadata_hashes={"sha256": "b" * 64}, requires_python=">=3.9"),
        digests={SHA: {"md5": "c" * 32, "blake2b_256": "d" * 64}},
    )
    row = json_api.file_row(view, view.page.files[0])
    assert row == {
        "comment_text": "",
        "core-metadata": {"sha256": "b" * 64},
        "digests": {"blake2b_256": "d" * 64, "md5": "c" * 32, "sha256": SHA},
        "downloads": -1,
        "filename": "brie-1.0-py3-none-any.whl",
        "has_sig": False,
        "md5_digest": "c" * 32,
        "packagetype": "bdist_wheel",
        "python_version": "py3",
        "requires_python": ">=3.9",
        "size": 10,
        "upload_time": "2024-01-02T03:04:05",
        "upload_time_iso_8601": "2024-01-02T03:04:05.000000Z",
        "url": "https://example.org/packages/brie-1.0-py3-none-any.whl",
        "yanked": False,
        "yanked_reason": None,
    }


def test_kinds_of_files():
    names = [
        "brie-1.0.tar.gz",
        "brie-1.0.zip",
        "brie-1.0-py2.7.egg",
        "brie-1.0.win32.exe",
        "brie-1.0-1-cp311-abi3-any.whl",
    ]
    rows = [json_api.file_row(shown(), File(name, "1.0")) for name in names]
    assert [(row["packagetype"], row["python_version"]) for row in rows] == [
        ("sdist", "source"), ("sdist", "source"), ("bdist_egg", "2.7"), ("bdist_wininst", "any"), ("bdist_wheel", "cp311"),
    ]  # fmt: skip
    assert rows[0]["upload_time"] is None
    assert rows[0]["core-metadata"] is False


def test_refused_files_stand_apart_with_the_reason():
    name = "brie-2.0-py3-none-any.whl"
    view = shown(file("1.0"), file("2.0"), refused={name: "too young"})
    releases = json_api.releases_of(view.page)
    made = json_api.document(view, releases[0], core_metadata.info(b""), releases)
    assert set(made["releases"]) == {"1.0"}
    assert made["_refused"] == [{"filename": name, "version": "2.0", "reason": "too young"}]
    alone = json_api.document(view, releases[1], core_metadata.info(b""), None)
    assert (alone["urls"], alone["_refused"]) == ([], made["_refused"])
    assert (alone["info"]["yanked"], alone["info"]["yanked_reason"]) == (True, "too young")
    passed = json_api.document(view, releases[0], core_metadata.info(b""), None)
    assert "_refused" not in passed


def test_info_states_what_metadata_says_and_keeps_version_and_key_the_same():
    raw = b"Metadata-Version: 2.1\nName: Brie\nVersion: 1.0.0\nSummary: soft\nClassifier: B\nClassifier: A\n"
    view = shown(file("1.0", requires_python=">=3.8"))
    release = json_api.releases_of(view.page)[0]
    made = json_api.document(view, release, core_metadata.info(raw), [release])
    info = made["info"]
    assert (info["name"], info["version"], info["summary"]) == ("Brie", "1.0", "soft")
    assert info["classifiers"] == ["A", "B"]
    assert info["requires_python"] == ">=3.8"
    assert info["release_url"] == "https://example.org/main/project/brie/1.0/"
    assert info["downloads"] == {"last_day": -1, "last_month": -1, "last_week": -1}
    assert made["releases"]["1.0"] == made["urls"]
    assert (made["last_serial"], made["vulnerabilities"]) == (7, [])


def test_info_never_takes_another_projects_name():
    view = shown(file("1.0"))
    release = json_api.releases_of(view.page)[0]
    assert json_api.info(view, release, core_metadata.info(b"Name: other\nVersion: 9\n"))["name"] == "brie"
    assert json_api.info(view, release, core_metadata.info(b""))["version"] == "1.0"


def test_yanked_release_says_why():
    view = shown(file("1.0", yanked=True, yanked_reason="broken"))
    release = json_api.releases_of(view.page)[0]
    info = json_api.info(view, release, core_metadata.info(b""))
    assert (info["yanked"], info["yanked_reason"]) == (True, "broken")
