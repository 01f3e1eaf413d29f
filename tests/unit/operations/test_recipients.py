"""Where users may have news sent: patterns of the setting, and what a star in them reaches."""

import pytest

from affineur.config import load
from affineur.operations.recipients import allowed


@pytest.mark.parametrize(
    ("patterns", "target", "may"),
    [
        ("", "mail:ada@example.org", False),
        ("", "webhook:https://hooks.example.org/", False),
        ("mail:*@example.org", "mail:ada@example.org", True),
        ("mail:*@example.org", "mail:ada@example.org.evil.test", False),
        ("mail:*@example.org, webhook:https://*", "webhook:https://anywhere.test/x", True),
        ("webhook:https://*", "webhook:http://anywhere.test/x", False),
        ("webhook:https://*.example.org/*", "webhook:https://hooks.example.org/team", True),
        ("webhook:https://*.example.org/*", "webhook:https://evil.test/.example.org/team", False),
        ("webhook:https://*.example.org/*", "webhook:https://evil.test?.example.org/team", False),
        ("webhook:https://*.example.org/*", "webhook:https://evil.test#.example.org/team", False),
        ("webhook:https://hooks.example.org/*", "webhook:https://hooks.example.org:8443/", False),
        ("webhook:*", "webhook:http://anywhere.test/", True),
    ],
)
def test_patterns(patterns, target, may):
    config = load(None, {"tell_allowed": patterns}, {})
    assert allowed(config, target) is may


@pytest.mark.parametrize("sender", ["index@example.org", "Our index <index@Example.org>"])
def test_the_domain_that_mail_comes_from(sender):
    config = load(None, {"smtp_from": sender}, {})
    assert allowed(config, "mail:team@example.org")
    assert not allowed(config, "mail:team@sub.example.org")
    assert not allowed(config, "mail:team@example.org@evil.test")
    assert not allowed(config, "webhook:https://example.org")
    assert not allowed(load(None, {}, {}), "mail:team@example.org")
