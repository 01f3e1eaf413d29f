"""What is told to uv, and what it tells."""

import pytest
from packaging.requirements import Requirement

from affineur.errors import AffineurError
from affineur.operations import resolver
from affineur.operations.resolver import Chosen, Question, Reached

REACHED = Reached("http://127.0.0.1:4711", "hunter2")
PLAIN = Question("main", {}, {}, (), "3.11")


def test_releases_are_read_with_markers_and_what_asked_for_them():
    text = (
        "app==1.0\n    # via -r 0.in\n"
        "gouda==1.0.post1 ; sys_platform == 'win32'\n    # via\n    #   -c 1.in\n    #   app\n"
        "rind==2!1.0+local\n"
    )
    labels = {"-r 0.in": "-r requirements.in", "-c 1.in": "-c limits.txt"}
    assert list(resolver._chosen(text, labels)) == [
        Chosen("app", "1.0", "", ("-r requirements.in",)),
        Chosen("gouda", "1.0.post1", 'sys_platform == "win32"', ("-c limits.txt", "app")),
        Chosen("rind", "2!1.0+local", "", ()),
    ]


def test_an_answer_that_is_something_else_is_an_error():
    with pytest.raises(AffineurError, match="the resolver's answer cannot be read"):
        list(resolver._chosen("-e file:///etc\n", {}))


def test_what_is_said_holds_neither_the_way_nor_the_secret_nor_control_characters():
    text = "error: http://__token__:hunter2@127.0.0.1:4711/main/simple/gouda/ failed\x1b[31m hunter2\nmore"
    assert resolver._said(text, REACHED) == ["error: /main/simple/gouda/ failed [31m ...", "more"]


def test_a_problem_is_one_paragraph_without_hints():
    said = [
        "warning: gouda is old", "error: No solution found when resolving dependencies",
        "  cause: Because `0.in` wants gouda", "         And it is not there.", "", "hint: use --no-build", "more",
    ]  # fmt: skip
    told = resolver._problem(said, {"-r 0.in": "-r requirements.in"})
    assert told == "no solution: Because `-r requirements.in` wants gouda And it is not there."


def test_files_are_made_of_parsed_values_alone(tmp_path):
    question = Question(
        "main",
        {"-r a\n--index-url=http://127.0.0.1:1/": [Requirement("gouda>=1; python_version < '3.13'")]},
        {"-c limits.txt": [Requirement("brie[rind]<2")]},
        [Requirement("gouda==1.0")],
        "3.11",
        environments=["sys_platform == 'linux'"],
    )
    arguments, labels = resolver._files(question, tmp_path)
    assert arguments == ["0.in", "--constraints", "1.in"]
    assert set(labels.values()) == {*question.requirements, *question.constraints}
    assert (tmp_path / "0.in").read_text() == 'gouda>=1; python_version < "3.13"\n'
    assert (tmp_path / "1.in").read_text() == "brie[rind]<2\n"
    assert (tmp_path / "out.txt").read_text() == "gouda==1.0\n"
    assert """environments = ["sys_platform == 'linux'"]""" in (tmp_path / "pyproject.toml").read_text()


def test_nothing_of_the_environment_reaches_it(tmp_path, monkeypatch):
    for name in ("UV_INDEX", "PIP_INDEX_URL", "HTTPS_PROXY", "SSL_CERT_FILE", "AFFINEUR_TOKEN", "NETRC"):
        monkeypatch.setenv(name, "x")
    made = resolver._environment(PLAIN, REACHED, tmp_path)
    assert not {"UV_INDEX", "PIP_INDEX_URL", "HTTPS_PROXY", "SSL_CERT_FILE", "AFFINEUR_TOKEN", "NETRC"} & made.keys()
    assert made["UV_DEFAULT_INDEX"] == "http://__token__:hunter2@127.0.0.1:4711/main/simple/"
    assert not any("hunter2" in argument for argument in resolver._arguments(PLAIN))
    assert "--no-build" in resolver._arguments(PLAIN)


def test_uv_is_found_in_its_package_then_on_the_path_or_missed(monkeypatch):
    import uv

    assert resolver.find_uv() == uv.find_uv_bin()

    def missing():
        raise FileNotFoundError

    monkeypatch.setattr(uv, "find_uv_bin", missing)
    monkeypatch.setattr(resolver.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert resolver.find_uv() == "/usr/bin/uv"
    monkeypatch.setattr(resolver.shutil, "which", lambda name: None)
    with pytest.raises(AffineurError, match="uv is missing, whose resolver makes locks: install the package uv"):
        resolver.find_uv()


def test_a_page_that_cannot_be_had_is_told_in_the_words_of_the_server():
    said = [
        "error: Request failed after 1 retry in 2.2s",
        "  cause: Failed to fetch: `/main/simple/fondue/`",
        "  cause: Server message: upstream unavailable, upstream http://127.0.0.1:9/simple/ cannot be reached",
        "  cause: HTTP status server error (504 gone) for url (/main/simple/fondue/)",
    ]
    assert resolver._problem(said, {}) == (
        "fondue cannot be had: upstream unavailable, upstream http://127.0.0.1:9/simple/ cannot be reached"
    )
