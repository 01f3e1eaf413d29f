"""The configuration: what stands in the file, and every problem at once."""

import pytest

from affineur.config import load
from affineur.errors import InvalidConfig
from affineur.model.names import ProjectName, matches
from affineur.settings import SETTINGS, converted


def loaded(tmp_path, text):
    path = tmp_path / "affineur.toml"
    path.write_text(text)
    return load(path, environment={})


def problems(tmp_path, text):
    with pytest.raises(InvalidConfig) as caught:
        loaded(tmp_path, text)
    return caught.value.problems


def test_what_a_table_of_a_built_in_index_does_not_say_stays(tmp_path):
    main = loaded(tmp_path, "[indexes.main]\nanonymous = false\n").indexes["main"]
    assert (main.sources, main.policy, main.anonymous) == (("internal", "public"), "standard", False)
    other = loaded(tmp_path, '[indexes.other]\nsources = ["public"]\n').indexes["other"]
    assert other.policy == "open"


@pytest.mark.parametrize("pattern", ["acme-*", "Acme_*", "acme.*"])
def test_owned_names_are_meant_in_any_spelling(tmp_path, pattern):
    owns = loaded(tmp_path, f'[hosted.internal]\nowns = ["{pattern}"]\n').hosted["internal"].owns
    assert matches(ProjectName("acme"), owns)
    assert matches(ProjectName("acme-tools"), owns)
    assert not matches(ProjectName("acmeology"), owns)


def test_every_problem_is_told_whatever_kind_of_value_is_wrong(tmp_path):
    found = problems(
        tmp_path,
        """
        port = inf
        workers = 1.5
        fresh_for = nan
        database = ["x"]
        [mirrors."bad name"]
        [mirrors.both]
        [hosted.both]
        owns = ["acme-*", "no name!"]
        [indexes.a]
        sources = ["b"]
        [indexes.b]
        sources = ["public", "a"]
        """,
    )
    told = "\n".join(found)
    for place in (
        "port: a whole number is wanted",
        "workers: a whole number is wanted",
        "fresh_for: a number is wanted",
        "database: a text is wanted",
        "mirrors.bad name: 'bad name' is not a valid index name",
        "hosted.both: there is a mirror of that name",
        "hosted.both.owns: 'no name!' is not a valid project name",
        "indexes.a.sources: a circle: a -> b -> a",
        "indexes.b.sources: a circle: b -> a -> b",
    ):
        assert place in told


@pytest.mark.parametrize("where", ["mirrors", "hosted", "indexes", "policies"])
def test_a_value_where_tables_belong_is_a_problem(tmp_path, where):
    assert problems(tmp_path, f"{where} = 3\n") == (f"{where}: a table for each name is wanted",)


@pytest.mark.parametrize(
    ("settings", "address"),
    [
        ({"host": "::1", "port": 8100}, "http://[::1]:8100"),
        ({"host": "127.0.0.1", "port": 8100, "tls_cert": "c", "tls_key": "k"}, "https://127.0.0.1:8100"),
        ({"host": "::1", "public_url": "https://packages.example.org/"}, "https://packages.example.org"),
    ],
)
def test_the_origin_of_absolute_addresses(settings, address):
    assert load(None, settings, {}).address == address


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("port", 0, "1 to 65535"), ("port", 70_000, "1 to 65535"), ("jobs_at_once", 0, "1 to 1000"),
        ("locks_at_once", 0, "1 to 1000"), ("workers", 10**9, "1 to 1024"), ("smtp_port", 65_536, "0 to 65535"),
        ("downloads_keep", 1e9, "0 to 36500"), ("fresh_for", 1e300, "0 to 3153600000"), ("fresh_for", -1, "0 to 3153600000"),
        ("max_upload", 10**30, "0 to 9223372036854775807"),
    ],
)  # fmt: skip
def test_numbers_have_bounds(name, value, told):
    with pytest.raises(InvalidConfig, match=f"{name}: a number from {told} is wanted"):
        load(None, {name: value}, {})


def test_every_default_is_within_its_bounds():
    assert all(converted(setting, setting.default) == setting.default for setting in SETTINGS)
