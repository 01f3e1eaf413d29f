"""Archives under test lie in a file, as they do when they were uploaded."""

import pytest

from affineur.errors import InvalidArchive
from affineur.standards.archives import Limits, inspect


@pytest.fixture
def filename():
    """The name under which bytes are inspected; a file of tests may say its own."""
    return "sample-1.0-py3-none-any.whl"


@pytest.fixture
def look(tmp_path, filename):
    """Inspect bytes as a file of that name."""

    def inspected(body, **limits):
        path = tmp_path / "staged"
        path.write_bytes(body)
        return inspect(path, filename, Limits(**limits))

    return inspected


@pytest.fixture
def broken(look):
    """Assert that bytes are refused by a rule; return what the error says."""

    def refused(rule, body, **limits):
        with pytest.raises(InvalidArchive) as caught:
            look(body, **limits)
        assert caught.value.rule == rule, caught.value.sentence
        return caught.value.sentence

    return refused
