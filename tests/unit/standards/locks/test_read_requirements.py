"""Requirements files by pip's grammar."""

import pytest

from affineur.errors import Invalid, InvalidDocument
from affineur.model.locks import LockKind
from affineur.standards.locks.read import read_lock

TEXT = """\
# made by a tool
-i https://user:secret@packages.example.org/simple --trusted-host packages.example.org
--extra-index-url=https://other.example.org/simple
-f ./wheels
--only-binary :all:

cheddar[holes,rind]==1.0 ; python_version < "3.12" \\
    --hash=sha256:AA \\
    --hash sha512:bb   # for everybody
    # via
    #   gouda
    #   -r requirements.in
gouda>=2,<3  # via -r requirements.in, brie
brie === 1.0-weird
Edam @ https://packages.example.org/edam-3.0-py3-none-any.whl#sha256=cc ; sys_platform == "linux"
git+https://code.example.org/feta.git@0123#egg=feta&subdirectory=src
./stilton
./wheels/brick-2.0-py3-none-any.whl[old]; python_version > "3.8"
-e git+https://code.example.org/swiss.git@4567#egg=swiss
# Editable install with no version control (mine==1.0)
-e /home/me/mine
-e .[dev]
# via somebody
manchego == 1.*
--frobnicate
"""


def test_everything_that_pip_reads():
    lock = read_lock(TEXT, "requirements.txt")
    assert lock.kind is LockKind.REQUIREMENTS
    assert lock.index_url == "https://user:secret@packages.example.org/simple"
    assert lock.extra_index_urls == ("https://other.example.org/simple",)
    assert lock.find_links == ("./wheels",)
    assert lock.options == ("--trusted-host packages.example.org", "--only-binary :all:")
    assert lock.unread == ("line 25: --frobnicate is no option of a requirements file that is known here",)
    told = [(pin.line, pin.project, pin.version, pin.specifier, pin.origin, pin.editable) for pin in lock.pins]
    assert told == [
        (7, "cheddar", "1.0", "", "", False),
        (13, "gouda", "", "<3,>=2", "", False),
        (14, "brie", "1.0-weird", "", "", False),
        (15, "edam", "", "", "https://packages.example.org/edam-3.0-py3-none-any.whl#sha256=cc", False),
        (16, "feta", "", "", "git+https://code.example.org/feta.git@0123#egg=feta&subdirectory=src", False),
        (17, "", "", "", "./stilton", False),
        (18, "brick", "", "", "./wheels/brick-2.0-py3-none-any.whl", False),
        (19, "swiss", "", "", "git+https://code.example.org/swiss.git@4567#egg=swiss", True),
        (21, "mine", "", "", "/home/me/mine", True),
        (22, "", "", "", ".", True),
        (24, "manchego", "", "==1.*", "", False),
    ]
    cheddar, gouda, *_, manchego = lock.pins
    assert (cheddar.extras, cheddar.marker) == (("holes", "rind"), 'python_version < "3.12"')
    assert cheddar.hashes == (("sha256", "aa"), ("sha512", "bb"))
    assert cheddar.via == ("gouda", "-r requirements.in")
    assert gouda.via == ("-r requirements.in", "brie")
    assert manchego.via == ("somebody",)
    assert lock.pins[3].marker == 'sys_platform == "linux"'
    assert lock.pins[6].marker == 'python_version > "3.8"'
    assert lock.pins[6].extras == ("old",)
    assert lock.pins[9].extras == ("dev",)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("cheddar=1.0", "no requirement"),
        ("cheddar==1.0 --hash=sha256", "no hash"),
        ("cheddar==1.0 --frobnicate", "no option of a requirement"),
        ("cheddar==1.0 --hash='sha256:aa", "quotation"),
        ("--index-url", "wants a value"),
        ("-r", "wants a value"),
        ("https://packages.example.org/edam.zip ; nonsense", "marker"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(line, problem):
    with pytest.raises(InvalidDocument, match=problem) as caught:
        read_lock(f"gouda\n\n{line}\n", "list.txt")
    assert caught.value.sentence.startswith("list.txt: line 3: ")


def test_other_files_are_listed_as_unread():
    lock = read_lock("-r other.txt\n--constraint=limits.txt\n", "r.txt")
    assert lock.unread == (
        "line 1: -r other.txt names another file, which was not read",
        "line 2: -c limits.txt names another file, which was not read",
    )


def test_other_files_are_read_where_they_can_be_had():
    files = {
        "other.txt": "gouda>=2\n-r other.txt\nbrie\n",
        "limits.txt": "gouda==2.5 --hash=sha256:aa\nbrie<9\nedam==1\n",
    }
    lock = read_lock("-c limits.txt\ncheddar==1.0\n-r other.txt\n", "r.txt", files.__getitem__)
    told = [(pin.project, pin.version, pin.specifier, pin.document, pin.line) for pin in lock.pins]
    assert told == [
        ("cheddar", "1.0", "", "", 2),
        ("gouda", "2.5", "", "other.txt", 1),
        ("brie", "", "<9", "other.txt", 3),
    ]
    assert lock.pins[1].hashes == (("sha256", "aa"),)


def test_another_file_that_cannot_be_had_is_named_with_the_line_that_asks_for_it():
    def other(path):
        raise Invalid(f"{path}: no such file")

    with pytest.raises(InvalidDocument, match=r"r\.txt: line 2: gone\.txt: no such file"):
        read_lock("gouda\n-r gone.txt\n", "r.txt", other)


def test_comment_ends_a_continued_line_as_in_pip():
    lock = read_lock("cheddar==1.0 \\\n# a comment\ngouda\n", "r.txt")
    assert [(pin.project, pin.line) for pin in lock.pins] == [("cheddar", 1), ("gouda", 3)]


def test_a_variable_of_the_environment_is_told_and_the_rest_is_read():
    read = read_lock("gouda==${GOUDA_VERSION}\n${NAME}>=1\nbrie==1.0\n", "requirements.txt")
    assert [pin.project for pin in read.pins] == ["brie"]
    assert read.unread == (
        "line 1: ${GOUDA_VERSION} is a variable of the environment, whose value is not known here",
        "line 2: ${NAME} is a variable of the environment, whose value is not known here",
    )
