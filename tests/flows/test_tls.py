"""Serving over TLS: wrong files told of at the start, a renewed certificate taken up without a stop."""

import shutil
import signal
import socket
import ssl

from tests.support.polling import eventually
from tests.support.server import Affineur
from tests.support.tls import certificate


def presented(server):
    """The certificate that a new connection is shown."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", server.port), 5) as plain, context.wrap_socket(plain) as wrapped:
        return wrapped.getpeercert(binary_form=True)


def shown(server, wanted):
    return eventually(lambda: all(presented(server) == wanted for _ in range(8)))


def der(path):
    return ssl.PEM_cert_to_DER_cert(path.read_text())


def test_a_renewed_certificate_is_taken_up_by_every_process(tmp_path, upstream):
    upstream.wheel("brie", "1.0")
    second = tmp_path / "second"
    second.mkdir()
    chain, key = certificate(tmp_path)
    new_chain, new_key = certificate(second)
    with Affineur(tmp_path / "data", upstream.url, certificate=(chain, key), AFFINEUR_WORKERS="2") as server:
        assert shown(server, der(chain))
        row = server.page("brie")["files"][0]
        assert server.get(row["url"]).content == upstream.bodies[row["filename"]]
        assert server.get("/pypi/brie/json").json()["urls"][0]["url"].startswith("https://127.0.0.1:")

        first = der(chain)
        chain.write_text("not a certificate")
        server.process.send_signal(signal.SIGHUP)
        assert eventually(lambda: "a certificate chain and its key are wanted" in server.log.read_text())
        assert presented(server) == first

        shutil.copy(new_chain, chain)
        shutil.copy(new_key, key)
        server.process.send_signal(signal.SIGHUP)
        assert shown(server, der(new_chain))
        assert server.page("brie")["files"]


def test_wrong_files_are_told_of_in_a_sentence(tmp_path):
    chain, key = certificate(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    _, foreign = certificate(other)
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("nothing")
    server = Affineur(tmp_path / "data", AFFINEUR_WORKERS="2")
    for cert, private, told in [
        (tmp_path / "absent.pem", key, "tls_cert: "),
        (chain, tmp_path / "absent.pem", "tls_key: "),
        (garbage, key, "tls_cert, tls_key: a certificate chain and its key are wanted"),
        (chain, foreign, "KEY_VALUES_MISMATCH"),
    ]:
        done = server.command("serve", "--tls-cert", cert, "--tls-key", private, check=False)
        assert (done.returncode, done.stdout) == (1, "")
        assert told in done.stderr
        assert "Traceback" not in done.stderr
    alone = server.command("serve", "--tls-cert", chain, check=False)
    assert "tls_cert and tls_key go together" in alone.stderr
