"""Fields of uploads that are bounded."""

import json

import pytest

from affineur.errors import InvalidUpload
from affineur.standards.upload_form import parse_form

FORM = {
    ":action": ["file_upload"], "name": ["gouda"], "version": ["1.0"], "metadata_version": ["2.1"],
    "filetype": ["sdist"], "sha256_digest": ["0" * 64],
}  # fmt: skip


def test_attestations_are_bounded():
    usual = json.dumps([{"envelope": "x" * 100_000}])
    assert parse_form({**FORM, "attestations": [usual]}).attestations == json.loads(usual)
    with pytest.raises(InvalidUpload, match="attestations: are larger than 1048576 characters"):
        parse_form({**FORM, "attestations": [json.dumps([{"envelope": "x" * 2**20}])]})
