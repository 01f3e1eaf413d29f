"""What stands beside an uploaded file: its signature and its attestations."""

import base64
import hashlib
import json

import pytest

from tests.support.distributions import wheel_bytes, wheel_name

SIGNATURE = b"-----BEGIN PGP SIGNATURE-----\n\niQEzBAABCAAdFiEE\n-----END PGP SIGNATURE-----\n"
PUBLISH = "https://docs.pypi" + ".org/attestations/publish/v1"
SLSA = "https://slsa.dev/provenance/v1"


def attestation(filename, body, *, predicate=PUBLISH, sha256=None, subjects=None, **replaced):
    """An attestation in the form of PEP 740; its signature is not judged here."""
    subject = {"name": filename, "digest": {"sha256": sha256 or hashlib.sha256(body).hexdigest()}}
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [subject] if subjects is None else subjects,
        "predicateType": predicate,
        "predicate": None,
    }
    made = {
        "version": 1,
        "verification_material": {
            "certificate": base64.b64encode(b"a certificate").decode(),
            "transparency_entries": [{"logIndex": "1"}],
        },
        "envelope": {
            "statement": base64.b64encode(json.dumps(statement).encode()).decode(),
            "signature": base64.b64encode(b"a signature").decode(),
        },
    }
    return {**made, **replaced}


@pytest.fixture
def file(name):
    return wheel_name(name, "1.0"), wheel_bytes(name, "1.0")


def test_signature_is_kept_and_served(affineur, token, name, file):
    signed = {"gpg_signature": (file[0] + ".asc", SIGNATURE)}
    assert affineur.upload(*file, token=token, files=signed).status_code == 200
    row = affineur.page(name)["files"][0]
    assert row["gpg-sig"] is True
    served = affineur.get(row["url"] + ".asc")
    assert (served.content, served.headers["Content-Type"]) == (SIGNATURE, "application/pgp-signature")
    assert 'data-gpg-sig="true"' in affineur.get(f"/main/simple/{name}/").text


def test_unsigned_file_has_none(affineur, token, name, file):
    affineur.upload(*file, token=token)
    row = affineur.page(name)["files"][0]
    assert affineur.get(row["url"] + ".asc").status_code == 404
    assert row.get("provenance") is None
    assert affineur.get(row["url"] + ".provenance").status_code == 404


@pytest.mark.parametrize("signature", [b"\x88\x75\x04\x00", b"hello", b"-----BEGIN PGP SIGNATURE-----" + b"x" * 70_000])
def test_what_is_no_signature_is_refused(affineur, token, name, file, nothing_stored, signature):
    answer = affineur.upload(*file, token=token, files={"gpg_signature": ("x.asc", signature)})
    assert answer.status_code == 400
    assert "gpg_signature" in answer.reason
    nothing_stored(name)


def test_attestations_are_kept_and_served(affineur, token, name, file):
    given = [attestation(*file), attestation(*file, predicate=SLSA)]
    answer = affineur.upload(*file, token=token, fields={"attestations": json.dumps(given)})
    assert answer.status_code == 200, answer.text
    address = affineur.page(name)["files"][0]["provenance"]
    assert address.startswith(affineur.url)
    served = affineur.get(address.removeprefix(affineur.url))
    assert served.headers["Content-Type"] == "application/vnd.pypi.integrity.v1+json"
    document = served.json()
    assert document["version"] == 1
    [bundle] = document["attestation_bundles"]
    assert set(bundle["publisher"]) >= {"kind", "claims"}
    assert bundle["attestations"] == given
    assert f'data-provenance="{address}"' in affineur.get(f"/main/simple/{name}/").text


BAD = {
    "not JSON": lambda *file: "[",
    "no array": lambda *file: json.dumps(attestation(*file)),
    "empty": lambda *file: "[]",
    "not an object": lambda *file: "[1]",
    "version 2": lambda *file: json.dumps([attestation(*file, version=2)]),
    "no envelope": lambda *file: json.dumps([attestation(*file, envelope=None)]),
    "no log entry": lambda *file: json.dumps(
        [attestation(*file, verification_material={"certificate": "YQ==", "transparency_entries": []})]
    ),
    "statement not JSON": lambda *file: json.dumps(
        [attestation(*file, envelope={"statement": "YQ==", "signature": "YQ=="})]
    ),
    "other digest": lambda *file: json.dumps([attestation(*file, sha256="0" * 64)]),
    "other file": lambda *file: json.dumps([attestation(wheel_name("other", "1.0"), file[1])]),
    "no subject": lambda *file: json.dumps([attestation(*file, subjects=[])]),
    "two subjects": lambda *file: json.dumps([attestation(*file, subjects=[{"name": file[0], "digest": {}}] * 2)]),
    "unknown kind": lambda *file: json.dumps([attestation(*file, predicate="https://example.org/v1")]),
    "twice the same kind": lambda *file: json.dumps([attestation(*file)] * 2),
    "one good, one bad": lambda *file: json.dumps(
        [attestation(*file), attestation(*file, predicate=SLSA, sha256="1" * 64)]
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_attestation_is_refused(affineur, token, name, file, nothing_stored, case):
    answer = affineur.upload(*file, token=token, fields={"attestations": BAD[case](*file)})
    assert answer.status_code == 400
    assert answer.reason.startswith("attestations")
    nothing_stored(name)


def test_subject_is_compared_as_parsed(affineur, token, name, file):
    spelt = file[0].replace("affineur_sample", "Affineur.Sample")
    given = json.dumps([attestation(spelt, file[1])])
    assert affineur.upload(*file, token=token, fields={"attestations": given}).status_code == 200


def test_startup_files_are_noted(affineur, token, name):
    body = wheel_bytes(name, "1.0", files={"sample.pth": b"import os\n", "sample/inner.pth": b""})
    assert affineur.upload(wheel_name(name, "1.0"), body, token=token).status_code == 200
    log = json.loads(affineur.command("ledger", "log", "--project", name, "--format", "json").stdout)
    assert [entry["data"].get("startup_files") for entry in log if entry["kind"] == "file.uploaded"] == [["sample.pth"]]
