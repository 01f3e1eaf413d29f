"""The form of an upload: fields, their order, and how a refusal is told."""

import hashlib
import http.client
import json

import pytest
import requests

from tests.support.distributions import metadata_of, sdist_bytes, sdist_name, wheel_bytes, wheel_name


def wheel(name, version="1.0", **details):
    return wheel_name(name, version), wheel_bytes(name, version, **details)


def refused(answer, sentence, status=400):
    """Assert that the sentence stands in the reason phrase and in the body."""
    assert answer.status_code == status, answer.text
    assert sentence in answer.reason
    assert sentence in answer.text
    assert answer.reason.isascii() and answer.reason.isprintable() and len(answer.reason) <= 200


def test_the_next_request_sees_the_upload(affineur, token, name):
    first = affineur.upload(*wheel(name), token=token)
    assert (first.status_code, first.text) == (200, "")
    before = affineur.get(f"/internal/simple/{name}/")
    assert affineur.upload(*wheel(name, "1.1"), token=token).status_code == 200
    after = affineur.get(f"/internal/simple/{name}/", headers={"If-None-Match": before.headers["ETag"]})
    assert after.status_code == 200
    assert wheel_name(name, "1.1") in after.text


def test_sdist_and_wheel_of_a_release(affineur, token, name, upstream):
    assert affineur.upload(*wheel(name), token=token).status_code == 200
    assert affineur.upload(sdist_name(name, "1.0"), sdist_bytes(name, "1.0"), token=token, name=name).status_code == 200
    rows = affineur.page(name)["files"]
    assert {row["filename"] for row in rows} == {wheel_name(name, "1.0"), sdist_name(name, "1.0")}
    assert all(row["size"] and row["upload-time"].endswith("Z") for row in rows)
    assert upstream.asked(name) == []


@pytest.mark.parametrize("address", ["/legacy", "/legacy/", "/internal/legacy", "/main/legacy/"])
def test_every_spelling_of_the_address_takes_posts(affineur, token, name, address):
    filename, body = wheel(name)
    answer = requests.post(
        affineur.url + address,
        data=affineur.form(filename, body),
        files={"content": (filename, body)},
        auth=("__token__", token),
        allow_redirects=False,
        timeout=30,
    )
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_other_methods_are_405(affineur, method):
    answer = requests.request(method, f"{affineur.url}/internal/legacy/", timeout=30)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"


def test_unknown_index_is_404(affineur, token, name):
    assert affineur.upload(*wheel(name), token=token, index="nowhere").status_code == 404


def test_index_without_a_hosted_source_is_403(affineur, token, name):
    refused(affineur.upload(*wheel(name), token=token, index="public"), "no hosted source", 403)


WRONG = {
    "protocol_version": ("2", "protocol_version"),
    ":action": ("submit", ":action"),
    "metadata_version": ("9.9", "metadata_version"),
    "filetype": ("bdist_egg", "filetype"),
    "name": ("-bad-", "not a valid project name"),
    "version": ("not a version", "version"),
    "sha256_digest": ("0" * 64, "does not match"),
    "md5_digest": ("0" * 32, "does not match"),
    "blake2_256_digest": ("0" * 64, "does not match"),
    "pyversion": ("", "pyversion"),
    "attestations": ("[1", "attestations"),
    "summary": ("a\0b", "NUL"),
}


@pytest.mark.parametrize("field", WRONG)
def test_wrong_field_is_named(affineur, token, name, nothing_stored, field):
    value, sentence = WRONG[field]
    refused(affineur.upload(*wheel(name), token=token, fields={field: value}), sentence)
    nothing_stored(name)


@pytest.mark.parametrize("field", ["metadata_version", "name", "version", "filetype", "pyversion", ":action"])
def test_missing_field_is_named(affineur, token, name, field):
    filename, body = wheel(name)
    form = affineur.form(filename, body)
    del form[field]
    refused(affineur.post(form, filename, body, token=token), field)


def test_digest_is_wanted(affineur, token, name):
    refused(affineur.upload(*wheel(name), token=token, fields={"sha256_digest": None}), "message digest")


@pytest.mark.parametrize("algorithm", ["md5", "blake2_256"])
def test_one_digest_of_any_kind_is_enough(affineur, token, name, algorithm):
    filename, body = wheel(name)
    made = hashlib.md5(body) if algorithm == "md5" else hashlib.blake2b(body, digest_size=32)
    fields = {"sha256_digest": None, f"{algorithm}_digest": made.hexdigest().upper()}
    assert affineur.upload(filename, body, token=token, fields=fields).status_code == 200


def test_checks_come_in_order(affineur, token, name):
    """Identity, then the form, then the name, then the file."""
    broken = (wheel_name(name, "1.0"), b"not a wheel")
    everything_wrong = {"protocol_version": "2", "sha256_digest": "0" * 64}
    assert affineur.upload(*broken, fields=everything_wrong).status_code == 401
    refused(affineur.upload(*broken, token=token, fields=everything_wrong), "protocol_version")
    refused(affineur.upload(*broken, token=token, fields={"sha256_digest": "0" * 64}), "does not match")
    popular = {"name": "requests", "version": "1.0"}
    refused(affineur.upload(*broken, token=token, fields=popular), "popular public project", 403)
    refused(affineur.upload(*broken, token=token), "too short for a ZIP file")


def test_unknown_placeholders_and_strangers_are_no_fault(affineur, token, name):
    fields = {"license": "UNKNOWN", "home_page": "UNKNOWN", "keywords": "", "fancy_new_field": "something"}
    assert affineur.upload(*wheel(name), token=token, fields=fields).status_code == 200


@pytest.mark.parametrize("spelling", ["classifier", "classifiers"])
@pytest.mark.parametrize("files", ["license_file", "license_files"])
@pytest.mark.parametrize("imports", ["import_name", "import_names"])
def test_singular_and_plural_spellings(affineur, token, name, spelling, files, imports):
    extra = "Classifier: Private :: Do Not Upload\nLicense-File: LICENSE\nImport-Name: sample\n"
    stem = name.replace("-", "_")
    body = wheel_bytes(
        name,
        "1.0",
        files={f"{stem}-1.0.dist-info/licenses/LICENSE": b"do as you like\n"},
        metadata=metadata_of(name, "1.0", version_of_metadata="2.5", extra=extra),
    )
    fields = {
        "metadata_version": "2.5",
        spelling: "Private :: Do Not Upload",
        files: "LICENSE",
        imports: "sample",
    }
    answer = affineur.upload(wheel_name(name, "1.0"), body, token=token, fields=fields)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("version", ["1.0", "1.2", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6"])
def test_metadata_versions(affineur, token, name, version):
    body = wheel_bytes(name, "1.0", metadata=metadata_of(name, "1.0", version_of_metadata=version))
    answer = affineur.upload(wheel_name(name, "1.0"), body, token=token, fields={"metadata_version": version})
    assert answer.status_code == 200, answer.text


def test_uv_gets_a_problem_document_and_others_text(affineur, token, name):
    filename, body = wheel(name)
    form = affineur.form(filename, body, protocol_version="2")
    for agent, accept in (("uv/0.9.4", "*/*"), ("something", "application/json")):
        answer = affineur.post(form, filename, body, token=token, headers={"User-Agent": agent, "Accept": accept})
        assert answer.headers["Content-Type"] == "application/problem+json"
        document = answer.json()
        assert (document["status"], document["title"]) == (400, "invalid")
        assert document["detail"] == answer.reason
    answer = affineur.post(form, filename, body, token=token, headers={"User-Agent": "twine/6.2.0"})
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.text.strip() == answer.reason


def test_odd_forms_are_4xx(affineur, token, name):
    filename, body = wheel(name)
    form = affineur.form(filename, body)
    address, auth = f"{affineur.url}/internal/legacy/", ("__token__", token)

    def post(**options):
        return requests.post(address, auth=auth, timeout=60, **options)

    answers = {
        "content is no file": post(data={**form, "content": "text"}, files={"other": ("", b"")}),
        "no content": post(data=form, files={"nothing": (None, "x")}),
        "another field is a file": post(
            data=form, files=[("content", (filename, body)), ("summary", ("summary.txt", b"x"))]
        ),
        "two contents": post(data=form, files=[("content", (filename, body)), ("content", (filename, body))]),
        "10,000 fields": post(data=[*form.items(), *(("x", "1") for _ in range(10_000))], files={"content": body}),
        "no form": post(data=json.dumps(form), headers={"Content-Type": "application/json"}),
        "no boundary": post(data=b"x", headers={"Content-Type": "multipart/form-data"}),
        "not a form inside": post(data=b"x" * 999, headers={"Content-Type": "multipart/form-data; boundary=abc"}),
        "not UTF-8": post(data={**form, "summary": b"\xff\xfe"}, files={"content": (filename, body)}),
        "slash in the name": post(data=form, files={"content": ("../" + filename, body)}),
        "contradiction": post(data=[*form.items(), ("name", "other")], files={"content": (filename, body)}),
    }
    assert {what: answer.status_code for what, answer in answers.items() if answer.status_code != 400} == {}
    assert affineur.get(f"/internal/simple/{name}/").status_code == 404


def test_cut_form_is_400_or_cut(affineur, token, name):
    body = b'--abc\r\nContent-Disposition: form-data; name="content"; filename="x.whl"\r\n\r\nhalf a file'
    answer = requests.post(
        f"{affineur.url}/internal/legacy/",
        data=body,
        headers={"Content-Type": "multipart/form-data; boundary=abc"},
        auth=("__token__", token),
        timeout=30,
    )
    assert answer.status_code == 400


def whole_request(affineur, token, name):
    """An upload as it is sent, to be sent in another way."""
    filename, body = wheel(name)
    return requests.Request(
        "POST",
        f"{affineur.url}/internal/legacy/",
        data=affineur.form(filename, body),
        files={"content": (filename, body)},
        auth=("__token__", token),
    ).prepare()


def test_chunked_transfer_without_a_length(affineur, token, name):
    prepared = whole_request(affineur, token, name)
    whole = prepared.body

    def pieces():
        for start in range(0, len(whole), 777):
            yield whole[start : start + 777]

    answer = requests.post(
        prepared.url,
        data=pieces(),
        headers={k: v for k, v in prepared.headers.items() if k != "Content-Length"},
        timeout=30,
    )
    assert answer.status_code == 200, answer.text


def test_client_that_waits_for_100_continue_is_asked_for_the_body(affineur, token, name):
    prepared = whole_request(affineur, token, name)
    connection = http.client.HTTPConnection("127.0.0.1", affineur.port, timeout=10)
    connection.putrequest("POST", "/internal/legacy/")
    for key, value in {**prepared.headers, "Expect": "100-continue"}.items():
        connection.putheader(key, value)
    connection.endheaders()
    assert connection.sock.recv(100, 2).startswith(b"HTTP/1.1 100 Continue")
    connection.send(prepared.body)
    assert connection.getresponse().status == 200
    connection.close()
