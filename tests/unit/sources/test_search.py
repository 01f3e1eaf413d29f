"""Names are found in whatever spelling they are looked for."""

import pytest

from affineur.sources.search import search_names

NAMES = ["flask", "flask-login", "my-flask", "django", "zope-interface", "flaskx"]


@pytest.mark.parametrize("word", ["zope.interface", "Zope_Interface", "zope--interface", " ZOPE ", "_interface"])
def test_spelling_is_no_matter(word):
    assert search_names(NAMES, [word]) == ["zope-interface"]


def test_the_nearest_come_first():
    assert search_names(NAMES, ["Flask"]) == ["flask", "flaskx", "flask-login", "my-flask"]


def test_any_of_several_words():
    assert search_names(NAMES, ["django", "zope"]) == ["django", "zope-interface"]


@pytest.mark.parametrize("words", [[], [""], ["-", "  "]])
def test_nothing_is_found_by_nothing(words):
    assert search_names(NAMES, words) == []
