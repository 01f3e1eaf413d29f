"""What commands about watched locks tell on a terminal."""

from datetime import UTC, datetime

from affineur.operations.monitor import AlertRow, Shown, say_shown

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_lock_is_told_with_its_alerts():
    alert = AlertRow(
        "a1", "shop", "gouda", "1.0", "advisory", "high", "open", NOW, "holes\x1b[2J", ["A-1", "CVE-1"], "fixed in 1.1"
    )
    lock = Shown("shop", "ann", "main", "r.txt", 3, ["mail:a@example.org"], "", NOW, NOW, "ci", None, [alert])
    assert say_shown(lock).splitlines() == [
        "shop of ann: r.txt, 3 releases, index main",
        "  added 2026-03-01 12:00, last changed 2026-03-01 12:00 by ci",
        "  news go to mail:a@example.org",
        "  gouda 1.0: high advisory, open since 2026-03-01 12:00 (a1)",
        "    holes [2J",
        "    A-1, CVE-1",
        "    fixed in 1.1",
    ]
    watch = Shown("use", "ann", "main", "", 0, [], "user:ann", NOW, NOW, "ann", NOW, [])
    assert say_shown(watch).splitlines() == [
        "use of ann: what user:ann downloads, 0 releases, index main",
        "  added 2026-03-01 12:00, last changed 2026-03-01 12:00 by ann",
        "  news go to where its owner prefers",
        "  muted until 2026-03-01 12:00",
        "  no alerts",
    ]
