"""Tokens resolved to principals, and what is remembered of them."""

from datetime import UTC, datetime, timedelta

import pytest

from affineur.errors import Unauthenticated
from affineur.model.principals import Principal, Right
from affineur.web.access import Access

ADA = Principal("ada", "t1", frozenset({"internal"}), frozenset({Right.READ}))


class Tokens:
    """A catalog that knows one token, and does something while it is asked."""

    def __init__(self, found):
        self.found, self.asked, self.meanwhile = found, 0, lambda: None

    async def read(self, _question, _digest):
        self.asked += 1
        found = self.found
        self.meanwhile()
        return found


async def test_a_token_is_looked_up_once_until_something_changes():
    tokens = Tokens(ADA)
    access = Access(tokens, 10)
    assert [await access.principal("Bearer x") for _ in range(3)] == [ADA] * 3
    assert tokens.asked == 1
    access.forget()
    await access.principal("Bearer x")
    assert tokens.asked == 2


async def test_a_token_revoked_while_it_is_looked_up_is_not_remembered():
    tokens = Tokens(ADA)
    access = Access(tokens, 10)
    tokens.meanwhile = access.forget
    assert await access.principal("Bearer x") == ADA
    tokens.found = None
    with pytest.raises(Unauthenticated):
        await access.principal("Bearer x")


async def test_what_is_remembered_ends_when_the_token_does():
    moment = datetime.now(UTC)
    tokens = Tokens(
        Principal("ada", "t1", frozenset({"*"}), frozenset({Right.READ}), expires=moment + timedelta(hours=1))
    )
    access = Access(tokens, 10)
    assert (await access.principal("Bearer x")).name == "ada"
    tokens.found = Principal("ada", "t1", frozenset({"*"}), frozenset({Right.READ}), expires=moment)
    access.forget()
    with pytest.raises(Unauthenticated):
        await access.principal("Bearer x")
