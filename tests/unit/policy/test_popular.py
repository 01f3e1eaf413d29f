"""The list of popular projects and the names of the standard library."""

import pytest

from affineur.errors import InvalidDocument
from affineur.policy.lookalikes import popular as subject
from affineur.policy.lookalikes.stdlib_names import BACKPORTS, is_stdlib, is_taken_for_stdlib

NAMES = [f"project-{number}" for number in range(150)]


def test_the_shipped_list_says_where_and_when_it_was_made():
    shipped = subject.popular()
    assert len(shipped.names) == 8000
    assert shipped.rank("requests") == 7
    assert "reqeusts" not in shipped
    assert shipped.date == "2026-04-01"
    assert "top-pypi-packages" in shipped.source


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(NAMES),
        "# a comment\n" + "\n\n".join(name.upper().replace("-", "_") for name in NAMES),
        "rank,name,downloads_30d\n" + "\n".join(f"{rank},{name},5" for rank, name in enumerate(NAMES, 1)),
        '"download_count","project"\r\n' + "\r\n".join(f'"9","{name}"' for name in NAMES),
    ],
)
def test_a_list_is_read_in_every_form(text):
    assert subject.parse(text, "a file").names == tuple(NAMES)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("\n".join([*NAMES, "not a name"]), "line 151"),
        ("\n".join(NAMES[:5]), "5 names"),
        ("", "0 names"),
        ("rank,name\n1\n2\n", "line 2"),
    ],
)
def test_a_wrong_list_is_refused_with_its_place(text, problem):
    with pytest.raises(InvalidDocument, match=problem):
        subject.parse(text, "a file")


def test_a_refreshed_list_wins_over_the_shipped_one(tmp_path):
    assert subject.popular(tmp_path).rank("requests") == 7
    subject.write(subject.parse("\n".join(NAMES), "http://example.org/list", "2026-05-01"), subject.refreshed(tmp_path))
    found = subject.popular(tmp_path)
    assert (found.names, found.source, found.date) == (tuple(NAMES), "http://example.org/list", "2026-05-01")
    subject.write(subject.parse("\n".join(NAMES[1:]), "a file"), subject.refreshed(tmp_path))
    assert subject.popular(tmp_path).rank(NAMES[0]) is None
    assert len(subject.popular(tmp_path).date) == 10
    assert [path.name for path in subject.refreshed(tmp_path).parent.iterdir()] == ["popular.txt"]


def test_a_broken_list_in_the_data_folder_is_said_not_skipped(tmp_path):
    path = subject.refreshed(tmp_path)
    path.parent.mkdir()
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidDocument, match="names update"):
        subject.popular(tmp_path)


@pytest.mark.parametrize(
    "name", ["os", "urllib2", "xml-dom", "tomllib", "compression", "profiling", "cpickle", "asyncio"]
)
def test_modules_of_every_version_are_known(name):
    assert is_stdlib(name)


def test_backports_are_let_be():
    assert all(is_stdlib(name) for name in BACKPORTS)
    assert not any(is_taken_for_stdlib(name) for name in BACKPORTS)
    assert is_taken_for_stdlib("xml-dom")
    assert not is_taken_for_stdlib("requests")
