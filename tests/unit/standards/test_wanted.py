"""What requirements files and pyproject.toml ask for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affineur.errors import AffineurError, InvalidDocument
from affineur.standards.wanted import read_wanted

PROJECT = """
[project]
name = "Acme_App"
requires-python = ">=3.11"
dependencies = ["gouda>=1", "brie[rind]; sys_platform == 'linux'"]
[project.optional-dependencies]
Web = ["feta"]
all = ["acme-app[web]", "halloumi"]
[dependency-groups]
test = ["pecorino", {include-group = "lint"}]
lint = ["ricotta==1.0"]
"""


def told(wants):
    return [(str(want.requirement), want.origin) for want in wants]


def read(text, name="requirements.in", **options):
    return read_wanted([name], {name: text}, **options)


def test_requirements_with_files_that_they_name():
    texts = {
        "dev.in": "-r parts/base.in\n--constraint limits.txt\nbrie[rind] >= 1 ; python_version < '3.13'  # for tests\n",
        "parts/base.in": "-c ../limits.txt\n-r ../dev.in\ngouda \\\n  >=1\n",
        "limits.txt": "gouda<2\nfeta==1\n",
    }
    wants = read_wanted(["dev.in"], texts)
    assert told(wants.requirements) == [
        ("gouda>=1", "-r parts/base.in"), ('brie[rind]>=1; python_version < "3.13"', "-r dev.in"),
    ]  # fmt: skip
    assert set(told(wants.constraints)) == {("gouda<2", "-c limits.txt"), ("feta==1", "-c limits.txt")}


def test_what_a_constraints_file_names_limits_too():
    texts = {"a.in": "-c b.txt\n", "b.txt": "-r c.txt\n", "c.txt": "gouda<2\n"}
    wants = read_wanted(["a.in"], texts)
    assert not wants.requirements
    assert told(wants.constraints) == [("gouda<2", "-c c.txt")]


def test_what_has_no_effect_is_told():
    wants = read("--pre\n--require-hashes\ngouda==1.0 --hash=sha256:" + "a" * 64 + "\n")
    assert wants.prereleases
    assert told(wants.requirements) == [("gouda==1.0", "-r requirements.in")]
    assert [text.partition(":")[2].split()[0] for text in wants.left_out] == ["line", "hashes"]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("--index-url http://user:hunter2@127.0.0.1/simple/", "--index-url would have the resolver look elsewhere"),
        ("--extra-index-url=http://127.0.0.1/", "--extra-index-url would"),
        ("-i http://127.0.0.1/", "-i would"),
        ("-f /etc", "-f would"),
        ("--find-links file:///etc", "--find-links would"),
        ("--no-binary :all:", "--no-binary would"),
        ("-e .", "an editable project is not in the index"),
        ("--editable=git+https://packages.example.org/a.git", "an editable project"),
        ("gouda @ file:///etc/passwd", "is an address"),
        ("gouda @ http://169.254.169.254/latest", "is an address"),
        ("git+https://packages.example.org/a.git#egg=a", "is an address or a path, not a project of an index"),
        ("./folder", "is an address or a path, not a project of an index"),
        ("/etc/passwd", "is an address or a path, not a project of an index"),
        ("http://127.0.0.1/a-1.0.tar.gz", "is an address or a path, not a project of an index"),
        ("gouda --index-url http://127.0.0.1/", "--index-url is no option of a requirement"),
        ("gouda --hash 'sha256:", "the options cannot be read"),
        ("-r http://127.0.0.1/more.txt", "is named, and was not given"),
        ("-r /etc/passwd", "'/etc/passwd' is named, and was not given"),
        ("-c ../../etc/passwd", "'../../etc/passwd' is named, and was not given"),
    ],
)
def test_what_would_lead_elsewhere_is_refused(line, problem):
    with pytest.raises(InvalidDocument) as caught:
        read(f"# first\nbrie\n{line}\n")
    assert problem in caught.value.sentence
    assert "line 3" in caught.value.sentence
    assert "hunter2" not in caught.value.sentence


def test_files_that_name_one_another_too_deeply():
    texts = {f"{n}.in": f"-r {n + 1}.in\n" for n in range(40)} | {"40.in": ""}
    with pytest.raises(InvalidDocument, match="too many files name one another"):
        read_wanted(["0.in"], texts)


def test_pyproject_with_extras_and_groups():
    wants = read(PROJECT, "pyproject.toml", extras=["ALL"], groups=["test"])
    assert told(wants.requirements) == [
        ("gouda>=1", "acme-app (pyproject.toml)"),
        ('brie[rind]; sys_platform == "linux"', "acme-app (pyproject.toml)"),
        ("feta", "acme-app (pyproject.toml)"),
        ("halloumi", "acme-app (pyproject.toml)"),
        ("pecorino", "acme-app (pyproject.toml:test)"),
        ("ricotta==1.0", "acme-app (pyproject.toml:test)"),
    ]
    assert wants.requires_python == ">=3.11"
    assert len(read(PROJECT, "sub/pyproject.toml").requirements) == 2


@pytest.mark.parametrize(
    ("text", "options", "problem"),
    [
        ("[project", {}, "pyproject.toml"),
        ("[tool.poetry]\nname = 'a'", {}, "no [project] table"),
        ("[project]\nname = 'a'\ndynamic = ['dependencies']", {}, "the dependencies are dynamic"),
        ("[project]\nname = 'a'\ndependencies = 'b'", {}, "project.dependencies: a list of requirements is wanted"),
        ("[project]\nname = 'a'\ndependencies = ['b @ file:///etc/passwd']", {}, "is an address"),
        ("[project]\nname = 'a'\ndependencies = ['--index-url=http://x']", {}, "is no requirement"),
        ("project = 1", {}, "project: a table is wanted"),
        ("[project]\nname = 'a'\nrequires-python = 'three'", {}, "is no specifier"),
        (PROJECT, {"extras": ["nuts"]}, "no extra 'nuts'; there are all, web"),
        (PROJECT, {"groups": ["nuts"]}, "group 'nuts': "),
        ("[dependency-groups]\na = [{include-group = 'a'}]", {"groups": ["a"]}, "includes itself"),
    ],
)
def test_pyproject_that_cannot_be_read(text, options, problem):
    with pytest.raises(InvalidDocument) as caught:
        read(text, "pyproject.toml", **options)
    assert problem in caught.value.sentence


def test_sources_outside_the_index_are_told_of():
    wants = read("[project]\nname='a'\ndependencies=['b']\n[tool.uv.sources]\nb = {path='../b'}\n", "pyproject.toml")
    assert wants.left_out == ["pyproject.toml: tool.uv.sources (b): only the index is asked"]


def test_extras_of_a_requirements_file():
    with pytest.raises(InvalidDocument, match=r"only pyproject\.toml has extras"):
        read("gouda\n", extras=["a"])


@given(st.text(alphabet=st.sampled_from("abc-=r \n\\#@:/[]<>;.'\"1é\x00"), max_size=60))
def test_whatever_is_given_is_read_or_refused_and_nothing_leads_elsewhere(text):
    for name in ("requirements.in", "pyproject.toml"):
        try:
            wants = read(text, name)
        except AffineurError:
            continue
        for want in (*wants.requirements, *wants.constraints):
            assert want.requirement.url is None
            assert "\n" not in str(want.requirement)
            assert not str(want.requirement).startswith("-")
