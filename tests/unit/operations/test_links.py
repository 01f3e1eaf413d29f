"""Links in messages: only what this server signed is followed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affineur.errors import NotFound
from affineur.operations.links import Link, read, signed

KEY = b"k" * 32
LINK = Link("mute", "ann", "", "gouda", "advisory", "GHSA-1")


def test_a_link_is_read_back():
    for link in (LINK, Link("stop", "ann", "mail:team@example.org")):
        assert read(KEY, signed(KEY, link)) == link


def test_another_key_does_not_open_it():
    with pytest.raises(NotFound):
        read(b"x" * 32, signed(KEY, LINK))


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_link_that_was_changed_is_refused(place, change):
    text = bytearray(signed(KEY, LINK).encode())
    text[place % (len(text) - 1)] ^= change
    with pytest.raises(NotFound):
        read(KEY, text.decode("latin-1"))


@given(st.text(max_size=200))
def test_anything_else_is_refused(text):
    with pytest.raises(NotFound):
        read(KEY, text)
