"""The message a person gets: what, where, how bad, what to do; text of packages does no harm in it."""

from dataclasses import replace
from datetime import UTC, datetime

from affineur.model.advisories import Severity
from affineur.model.alerts import Alert, AlertKind, AlertState, Cause, Fix, News, alert_id, news_of
from affineur.operations.news import Letterhead, composed, told_of
from affineur.storage.catalog.alerts import Batch
from affineur.storage.catalog.locks import Named

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOLE = Cause(
    AlertKind.ADVISORY, "Remote code <script>alert(1)</script>\x1b[31m in the\nparser", ("GHSA-1", "CVE-2026-1"),
    Severity.CRITICAL, True, Fix("1.1", listed=True), "https://advisories.example.org/GHSA-1",
)  # fmt: skip


def lock(name, owner="ann", filename="requirements.txt"):
    return Named(name, owner, "main", filename, ("mail:team@example.org",), "", 0, None)


LOCKS = {lock.name: lock for lock in (lock("shop"), lock("till"), lock("bank"), lock("zoo", "eve"))}
HEAD = Letterhead("https://packages.example.org", b"k" * 32, LOCKS)


def alert(name, cause=HOLE, project="gouda", version="1.0", **more):
    identifier = alert_id(name, project, version, cause)
    return replace(Alert(identifier, name, "ann", "main", project, version, cause, AlertState.OPEN, NOW, NOW), **more)


def message(*news, holders=None):
    batch = Batch("ann", "mail:team@example.org", ("1",), tuple(news))
    return composed(batch, HEAD, holders or {})


def test_one_cause_in_several_locks_is_told_once_with_what_to_do():
    made = message(
        (News.OPENED, alert("till")), (News.OPENED, alert("shop")),
        holders={("gouda", "1.0"): ["shop", "till", "bank", "zoo"]},
    )  # fmt: skip
    assert made.subject == "[affineur] gouda 1.0: critical vulnerability (CVE-2026-1), in shop and 1 more"
    for line in (
        "gouda 1.0: critical vulnerability (CVE-2026-1)",
        "  also known as GHSA-1",
        "  in shop, till (index main)",
        "  also in your bank",
        "  1 lock of others holds it too",
        "  fixed in 1.1, which passes the gate now",
        "    affineur audit requirements.txt --fix --write",
    ):
        assert line in made.text.splitlines()
    assert "zoo" not in made.text + made.html + str(made.data), "what others have is not told"
    assert made.urgent
    assert made.stop.startswith("https://packages.example.org/alerts/")
    (item,) = made.data["items"]
    assert (item["locks"], item["also_in"], item["locks_of_others"]) == (["shop", "till"], ["bank"], 1)


def test_the_command_that_is_named_does_something_about_the_cause():
    def commands(kind):
        made = message((News.OPENED, alert("shop", Cause(kind, "so it is"))))
        return made.data["items"][0]["commands"]

    for kind in (AlertKind.YANKED, AlertKind.REFUSED, AlertKind.MALWARE):
        assert commands(kind) == ["affineur audit requirements.txt --fix --write"]
    for kind in (
        AlertKind.MISSING,
        AlertKind.ARCHIVED,
        AlertKind.DEPRECATED,
        AlertKind.QUARANTINED,
        AlertKind.PUBLISHER,
    ):
        assert commands(kind) == ["affineur why gouda==1.0 --index main"]


def test_text_of_packages_is_escaped():
    made = message((News.OPENED, alert("shop")))
    assert "<script>" not in made.html
    assert "&lt;script&gt;" in made.html
    assert "\x1b" not in made.text + made.html + made.subject
    assert "  Remote code <script>alert(1)</script> [31m in the parser" in made.text.splitlines()
    hostile = message((News.OPENED, alert("shop", replace(HOLE, link="javascript:alert(1)"))))
    assert 'href="javascript' not in hostile.html


def test_the_worst_comes_first_and_more_are_counted():
    mild = replace(HOLE, ids=("GHSA-2",), severity=Severity.LOW, urgent=False)
    made = message((News.OPENED, alert("shop", mild, "brie")), (News.OPENED, alert("shop")))
    assert made.subject.startswith("[affineur] gouda 1.0: critical")
    assert made.subject.endswith("; and 1 more")
    many = message(*[(News.OPENED, alert("shop", mild, f"cheese{number:03}")) for number in range(120)])
    assert "100 more: affineur monitor alerts" in many.text
    assert len(many.data["items"]) == 120


def test_what_came_and_went_untold_is_not_told():
    assert message((News.OPENED, alert("shop")), (News.CLOSED, alert("shop"))) is None
    (kept,) = told_of([(News.OPENED, alert("shop")), (News.CHANGED, alert("shop"))])
    assert kept[0] is News.OPENED


def test_closing_is_told_quietly_and_asks_nothing():
    made = message((News.CLOSED, alert("shop", state=AlertState.CLOSED, end="the lock does not hold it any more")))
    assert made.subject.startswith("[affineur] settled: gouda 1.0")
    assert not made.urgent
    assert "What to do" not in made.text
    assert "the lock does not hold it any more" in made.text


def test_file_names_are_quoted_in_commands():
    head = Letterhead(HEAD.origin, HEAD.key, {"shop": lock("shop", filename="my file;rm -rf.txt")})
    made = composed(Batch("ann", "mail:a@example.org", ("1",), ((News.OPENED, alert("shop")),)), head, {})
    assert "audit 'my file;rm -rf.txt' --fix" in made.text


def test_what_is_news():
    held = replace(HOLE, fix=Fix("1.1", listed=True, held="held by cooldown", free_at=NOW))
    named = replace(HOLE, fix=Fix("1.1"))
    assert news_of(HOLE, HOLE) is None
    assert news_of(named, held) is News.SECURITY_RELEASE
    assert news_of(named, HOLE) is News.SECURITY_RELEASE
    assert news_of(held, HOLE) is News.FIX_FREE
    assert news_of(held, replace(held, fix=replace(held.fix, held="held by cooldown, less"))) is None
    assert news_of(HOLE, replace(HOLE, severity=Severity.LOW)) is News.CHANGED
    assert news_of(HOLE, replace(HOLE, sentence="said better")) is None


def test_a_cause_is_the_same_when_it_gets_more_names():
    assert HOLE.is_as(replace(HOLE, ids=("PYSEC-1", "CVE-2026-1")))
    assert not HOLE.is_as(replace(HOLE, ids=("PYSEC-2",)))
    assert not HOLE.is_as(replace(HOLE, kind=AlertKind.MALWARE))
