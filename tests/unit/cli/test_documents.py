"""The files that commands read and write."""

import os
import stat

import pytest

from affineur.cli.documents import documents_at, write_documents
from affineur.errors import AffineurError, Invalid
from affineur.operations.operation import Document


def test_files_that_a_requirements_file_names_are_read_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "parts").mkdir()
    (tmp_path / "dev.in").write_text("-r parts/base.in  # all of it\n--constraint=limits.txt\npytest\n")
    (tmp_path / "parts" / "base.in").write_text("-c ../limits.txt\n-r../dev.in\ngouda\n")
    (tmp_path / "limits.txt").write_text("gouda<2\n-r https://packages.example.org/more.txt\n")
    read = documents_at(["dev.in"], follow=True)
    assert [(one.name, one.included) for one in read] == [
        ("dev.in", False), ("parts/base.in", True), ("limits.txt", True),
    ]  # fmt: skip
    assert read[2].text.startswith("gouda<2\n")
    assert [one.name for one in documents_at(["dev.in"], follow=False)] == ["dev.in"]


def test_a_file_that_is_named_and_missing_is_told(tmp_path):
    (tmp_path / "dev.in").write_text("-r base.in\n")
    with pytest.raises(Invalid, match=r"base\.in cannot be read: No such file"):
        documents_at([str(tmp_path / "dev.in")], follow=True)


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"gouda\ncaf\xe9==1\n", r"a\.in: line 2 is no UTF-8 \(byte 0xe9\): save it as UTF-8"),
        ("gouda\n".encode("utf-16"), r"a\.in is UTF-16, as PowerShell writes it: save it as UTF-8"),
    ],
)
def test_a_file_in_another_encoding_is_told(tmp_path, raw, problem):
    (tmp_path / "a.in").write_bytes(raw)
    with pytest.raises(Invalid, match=problem):
        documents_at([str(tmp_path / "a.in")], follow=False)


def test_line_ends_stay_as_they_are(tmp_path):
    path = tmp_path / "requirements.txt"
    path.write_bytes(b"gouda==1.0\r\n")
    (read,) = documents_at([str(path)], follow=False)
    write_documents([read], {str(path)}, show_text=True)
    assert path.read_bytes() == b"gouda==1.0\r\n"


def test_a_file_is_replaced_whole_with_its_mode_and_through_a_link(tmp_path):
    path, link = tmp_path / "requirements.txt", tmp_path / "link.txt"
    path.write_text("old")
    path.chmod(0o640)
    link.symlink_to(path)
    write_documents([Document(str(link), "new")], {str(link)}, show_text=True)
    assert path.read_text() == "new"
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert sorted(os.listdir(tmp_path)) == ["link.txt", "requirements.txt"]


def test_only_files_that_the_command_was_given_are_written(tmp_path):
    wanted, other = tmp_path / "a.txt", tmp_path / "b.txt"
    with pytest.raises(AffineurError, match="which nobody named"):
        write_documents([Document(str(wanted), "x"), Document(str(other), "x")], {str(wanted)}, show_text=True)
    assert os.listdir(tmp_path) == []


def test_no_file_is_written_where_one_cannot_be(tmp_path):
    first, folder = tmp_path / "a.txt", tmp_path / "b.txt"
    first.write_text("old")
    folder.mkdir()
    with pytest.raises(AffineurError, match=r"b\.txt cannot be written: it is a folder"):
        write_documents(
            [Document(str(first), "x"), Document(str(folder), "x")], {str(first), str(folder)}, show_text=True
        )
    assert first.read_text() == "old"
    assert sorted(os.listdir(tmp_path)) == ["a.txt", "b.txt"]


def test_a_folder_that_is_missing_is_told_and_nothing_is_left(tmp_path):
    path = str(tmp_path / "missing" / "a.txt")
    with pytest.raises(AffineurError, match=r"a\.txt cannot be written: No such file"):
        write_documents([Document(path, "x")], {path}, show_text=True)


def test_without_a_file_the_text_goes_to_standard_output(capsys):
    assert write_documents([Document("-", "gouda==1.0\n")], {"-"}, show_text=True)
    assert capsys.readouterr().out == "gouda==1.0\n"
    assert not write_documents([Document("-", "gouda==1.0\n")], {"-"}, show_text=False)
    assert capsys.readouterr().out == ""
