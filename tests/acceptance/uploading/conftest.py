"""Tests here share a server, so each uses names of its own; see the fixtures of the folder above."""

import itertools

import pytest

_numbers = itertools.count(1)


@pytest.fixture
def name():
    """A project name that no other test uses."""
    return f"affineur-sample-{next(_numbers)}"


@pytest.fixture
def nothing_stored(affineur):
    """Assert that a refusal left nothing of a project behind."""

    def check(project):
        answer = affineur.get(f"/internal/simple/{project}/")
        assert answer.status_code == 404, answer.text
        assert not list((affineur.data / "blobs" / "staging").iterdir())

    return check
