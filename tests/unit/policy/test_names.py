"""The name guard: what it finds, what it leaves alone, how it judges."""

import re
import string

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from affineur.model.names import ProjectName, normalize
from affineur.policy.lookalikes import aliases, popular, stdlib_names
from affineur.policy.lookalikes.guard import Finding, Guard, Owned, Standing, near_misses
from affineur.policy.lookalikes.search import Search, target
from affineur.policy.lookalikes.spelling import Kind, folded, one_edit, skeleton, within_two

GUARD = Guard(popular.popular())
KNOWN = GUARD.known
words = st.text(string.ascii_lowercase + string.digits, min_size=4, max_size=14)
spelt = st.lists(words, min_size=1, max_size=3).map("-".join)
letters = st.text("abc", min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("name", "target", "kind", "level"),
    [
        ("reqeusts", "requests", "swap", "deny"),
        ("requsts", "requests", "omission", "deny"),
        ("requestss", "requests", "doubled", "deny"),
        ("requesrs", "requests", "neighbour", "deny"),
        ("request", "requests", "omission", "deny"),
        ("numpyx", "numpy", "insertion", "deny"),
        ("djanga", "django", "substitution", "deny"),
        ("f1ask", "flask", "homoglyph", "deny"),
        ("nurnpy", "numpy", "homoglyph", "deny"),
        ("jeIlyfish", "jellyfish", "homoglyph", "deny"),
        ("tensorfl0w", "tensorflow", "homoglyph", "deny"),
        ("rеquests", "requests", "homoglyph", "deny"),  # a Cyrillic letter
        ("ｆｌａｓｋ", "flask", "homoglyph", "deny"),
        ("py-yaml", "pyyaml", "separator", "deny"),
        ("setup-tools", "setuptools", "separator", "deny"),
        ("typingextensions", "typing-extensions", "separator", "deny"),
        ("python-requests", "requests", "affix", "warn"),
        ("python3-flask", "flask", "affix", "warn"),
        ("requests-dev", "requests", "affix", "warn"),
        ("dotenv-python", "python-dotenv", "order", "deny"),
        ("learn-scikit", "scikit-learn", "order", "deny"),
        ("matplolitb", "matplotlib", "edits", "deny"),
        ("cv2", "opencv-python", "import-name", "warn"),
        ("xml.dom", "xml-dom", "stdlib", "deny"),
        ("urllib2", "urllib2", "stdlib", "deny"),
        ("multiprocesing", "multiprocessing", "doubled", "warn"),
        ("scipy-pandas", "scipy", "combination", "warn"),
    ],
)
def test_each_kind_is_found(name, target, kind, level):
    assert GUARD.check(name) == Finding(name, True, target, kind, level)


@pytest.mark.parametrize(
    "name", ["grpcio", "unifi-client-tools", "my-blog", "acme-billing", "zope-app-locales", "", "---", "é"]
)
def test_ordinary_names_are_left_alone(name):
    assert not GUARD.check(name).flagged


def test_no_known_name_is_flagged():
    assert [name for name in KNOWN.names if GUARD.check(name).flagged] == []
    assert not GUARD.check("Typing_Extensions").flagged


def test_every_module_is_denied_unless_it_is_a_backport():
    for module in stdlib_names.stdlib_names():
        found = GUARD.check(module)
        assert (found.kind, found.level) == ((None, None) if module in stdlib_names.BACKPORTS else ("stdlib", "deny"))
    assert not GUARD.check("importlib.metadata").flagged


def test_what_is_often_imitated_is_not_itself_flagged():
    assert [name for name in aliases.IMITATED - aliases.IMPORT_NAMES.keys() if GUARD.check(name).flagged] == []


def test_an_old_and_busy_project_is_judged_more_mildly():
    assert GUARD.check("colourama").level == "deny"
    assert GUARD.check("colourama", Standing(days=3 * 365, releases=6)).level == "warn"
    assert not GUARD.check("colourama", Standing(days=6 * 365, releases=25)).flagged
    assert GUARD.check("colourama", Standing(used=True)).level == "warn"
    assert GUARD.check("colourama", Standing(days=3 * 365, releases=2)).level == "deny"


def test_names_owned_here_are_protected_with_their_neighbours():
    owned = Owned({"cheesecake-billing"}, ["acme-*", "gouda"])
    for own in ("cheesecake-billing", "acme-anything", "acme", "gouda"):
        assert not GUARD.check(own, owned=owned).flagged
    assert GUARD.check("cheesecake-biling", owned=owned) == Finding(
        "cheesecake-biling", True, "cheesecake-billing", "doubled", "deny"
    )
    assert GUARD.check("chesecake-billing", owned=owned).target == "cheesecake-billing"
    assert GUARD.check("acmee-tools", owned=owned).target == "acme-tools"
    assert GUARD.check("gooda", owned=owned).target == "gouda"
    assert not GUARD.check("acmee-tools").flagged
    assert GUARD.check("reqeusts", owned=owned).target == "requests"


def test_what_a_newly_claimed_name_may_make_suspicious():
    near = ["cambozola-biling", "cambozola-billing-api", "kambozola-billing", "billing-cambozola"]
    far = ["cambozola-billing", "cambozola", "billing", "roquefort"]
    assert near_misses(ProjectName("cambozola-billing"), [*near, *far]) == near
    claims = Owned({"cambozola", "raclette"})
    assert GUARD.check("raclette-cambozola", owned=claims).flagged
    assert near_misses(ProjectName("cambozola"), ["raclette-cambozola"]) == ["raclette-cambozola"]


def test_a_known_name_near_an_owned_one_stays_usable():
    assert not GUARD.check("requests", owned=Owned({"requestz"})).flagged


@given(spelt, st.data())
def test_every_edit_of_a_name_is_found(name, data):
    at = data.draw(st.integers(0, len(name) - 1))
    new = data.draw(st.sampled_from(string.ascii_lowercase))
    made = data.draw(
        st.sampled_from(
            [
                name[:at] + new + name[at:],
                name[:at] + name[at + 1 :],
                name[:at] + new + name[at + 1 :],
                name[:at] + name[at] + name[at:],
                name[:at] + name[at : at + 2][::-1] + name[at + 2 :],
            ]
        )
    )
    made = normalize(made).strip("-")
    if len(made) < 3:
        return
    search = Search([target(name, 1)])
    found = [match.target.spelling for match in search.matches(made)]
    assert found or made == name


@given(spelt, st.data())
def test_two_edits_of_a_long_name_are_found(name, data):
    joined = name.replace("-", "")
    if len(joined) < 9:
        return
    for _ in range(2):
        at = data.draw(st.integers(0, len(joined) - 1))
        joined = joined[:at] + data.draw(st.sampled_from(["", "q", joined[at] + "z"])) + joined[at + 1 :]
    search = Search([target(name, 1)])
    assert list(search.matches(joined)) or joined == name


@given(words, words, st.sampled_from(["python", "py", "python3"]))
def test_words_in_another_order_and_words_for_python_are_found(one, other, word):
    def kinds(meant, name):
        return {match.kind for match in Search([target(meant, 1)]).matches(name)}

    if one != other:
        assert Kind.ORDER in kinds(f"{one}-{other}", f"{other}-{one}")
    assert Kind.AFFIX in kinds(one, f"{word}-{one}") | kinds(one, f"{word}{one}")
    assert Kind.AFFIX in kinds(f"{word}-{one}", one)
    assert Kind.SEPARATOR in kinds(f"{one}-{other}", one + other)


@given(letters, letters)
@example("ab", "ba")
@example("abc", "cba")
def test_edits_are_counted_as_defined(one, other):
    distance = restricted_distance(one, other)
    assert (one_edit(one, other) is not None) == (distance == 1)
    assert within_two(one, other) == (distance <= 2)


def restricted_distance(one, other):
    """Optimal string alignment, by its definition."""
    table = [[max(i, j) for j in range(len(other) + 1)] for i in range(len(one) + 1)]
    for i in range(1, len(one) + 1):
        for j in range(1, len(other) + 1):
            table[i][j] = min(
                table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + (one[i - 1] != other[j - 1])
            )
            if i > 1 and j > 1 and one[i - 1] == other[j - 2] and one[i - 2] == other[j - 1]:
                table[i][j] = min(table[i][j], table[i - 2][j - 2] + 1)
    return table[-1][-1]


@given(st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,20}[A-Za-z0-9])?", fullmatch=True))
def test_the_spelling_of_a_name_does_not_change_the_judgement(name):
    one, other = GUARD.check(name), GUARD.check(re.sub(r"[-_.]+", "_", name).upper())
    assert (one.flagged, one.target, one.kind, one.level) == (other.flagged, other.target, other.kind, other.level)


@given(st.text(max_size=60))
@settings(max_examples=300)
def test_anything_is_judged_without_an_error(text):
    found = GUARD.check(text)
    assert found.name == text
    assert found.flagged == (found.level is not None)
    assert skeleton(folded(text)) is not None


def test_a_short_namespace_makes_no_neighbours():
    owned = Owned((), ["ml-*", "acme-*"])
    assert [GUARD.check(name, owned=owned).flagged for name in ("md-toc", "mls-tools", "amce-api")] == [
        False,
        False,
        True,
    ]
