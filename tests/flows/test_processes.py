"""Several processes on one store, several servers on one database, and a new configuration under load."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
import requests

from tests.support.beside import Beside
from tests.support.databases import postgresql
from tests.support.distributions import wheel_bytes, wheel_name
from tests.support.object_store import object_store
from tests.support.polling import eventually
from tests.support.server import Affineur


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as listed:
        return sorted(int(word) for word in listed.read().split())


def listening(port):
    """How many sockets of this machine listen on a port."""
    with open("/proc/net/tcp") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    return sum(row[1].endswith(f":{port:04X}") and row[3] == "0A" for row in rows)


def files_seen(server, project, times, index="main"):
    """What that many new connections, so all processes, list of a project."""
    seen = set()
    for _ in range(times):
        try:
            seen.add(tuple(file["filename"] for file in server.page(project, index)["files"]))
        except requests.HTTPError as error:
            seen.add(error.response.status_code)
    return seen


@pytest.fixture
def three(tmp_path, upstream):
    """A server of three processes."""
    server = Affineur(tmp_path / "data", upstream.url)
    server.start("--workers", "3")
    assert eventually(lambda: listening(server.port) == 3, seconds=30)
    yield server
    server.stop()


def test_a_change_made_through_one_process_is_seen_by_the_next_request_to_any(three):
    token = three.token()
    assert files_seen(three, "gouda", 20) == {404}
    names = []
    for number in range(1, 6):
        names.append(wheel_name("gouda", f"{number}.0"))
        assert three.upload(names[-1], wheel_bytes("gouda", f"{number}.0"), token=token).status_code == 200
        assert files_seen(three, "gouda", 20) == {tuple(names)}


def test_a_change_made_by_a_command_is_seen_by_the_next_request_to_any(three):
    token = three.token()
    three.upload(wheel_name("gouda", "1.0"), wheel_bytes("gouda", "1.0"), token=token)
    assert files_seen(three, "gouda", 20) == {(wheel_name("gouda", "1.0"),)}
    three.command("withdraw", "delete", "gouda==1.0", "--yes")
    assert files_seen(three, "gouda", 20) == {()}
    identifier = three.command("token", "list").stdout.split("\n")[1].split()[0]
    three.command("token", "revoke", identifier)
    answers = [three.upload(wheel_name("gouda", "2.0"), b"", token=token).status_code for _ in range(9)]
    assert set(answers) == {401}


def test_processes_share_one_fetch_of_a_cold_file(three, upstream):
    filename = upstream.wheel("cheddar", "1.0", padding=3_000_000)
    upstream.rate = 6_000_000
    url = three.file_url(three.page("cheddar")["files"][0])
    bodies = []

    def fetch():
        bodies.append(requests.get(url, timeout=30).content)

    threads = [threading.Thread(target=fetch) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bodies == [upstream.bodies[filename]] * 12
    assert upstream.log.count(f"/files/{filename}") == 1


def test_a_process_that_is_killed_is_started_again_and_the_others_serve(three):
    before = children(three.process.pid)
    os.kill(before[0], signal.SIGKILL)
    answers = []
    for _ in range(30):
        try:
            answers.append(three.get("/-/ready").status_code)
        except requests.ConnectionError:
            answers.append("cut")  # it waited at the killed process
    assert answers.count(200) >= 15, answers
    assert set(answers[-10:]) == {200}
    assert eventually(lambda: listening(three.port) == 3, seconds=30)
    assert len(children(three.process.pid)) == 3
    assert before[0] not in children(three.process.pid)
    assert "a server process ended" in three.log.read_text()


def test_processes_end_with_their_parent(three):
    three.process.kill()
    three.process.wait()
    assert eventually(lambda: listening(three.port) == 0)


def test_a_port_that_is_taken_is_a_sentence_and_an_exit_code(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for workers in ("1", "2"):
            port = str(taken.getsockname()[1])
            server = Affineur(tmp_path / workers)
            result = server.command("serve", "--workers", workers, "--port", port, check=False)
            assert result.returncode == 1
            assert "cannot be listened on: Address already in use" in result.stderr
            assert "Traceback" not in result.stderr


def test_servers_on_one_database_see_each_others_changes_within_a_second(tmp_path, upstream):
    with postgresql() as address, object_store() as (bucket, environment):
        places = {"AFFINEUR_DATABASE": address, "AFFINEUR_BLOBS": bucket, **environment}
        one, two = (Affineur(tmp_path / name / "data", upstream.url, **places) for name in ("one", "two"))
        for server in (one, two):
            server.data.parent.mkdir()
            server.start()
        try:
            token = one.token()
            for number in range(1, 4):
                name, body = wheel_name("gouda", f"{number}.0"), wheel_bytes("gouda", f"{number}.0", padding=100_000)
                assert one.upload(name, body, token=token).status_code == 200
                changed = time.monotonic()
                assert eventually(
                    lambda name=name: any(name in seen for seen in files_seen(two, "gouda", 1) if seen != 404)
                )
                assert time.monotonic() - changed < 1.0
                row = two.page("gouda")["files"][-1]
                assert requests.get(two.file_url(row), timeout=10).content == body
                span = requests.get(two.file_url(row), timeout=10, headers={"Range": "bytes=500-1499"})
                assert (span.status_code, span.content) == (206, body[500:1500])
            cold = upstream.wheel("cheddar", "1.0", padding=300_000)
            assert (
                requests.get(one.file_url(one.page("cheddar")["files"][0]), timeout=10).content == upstream.bodies[cold]
            )
            upstream.stop()
            assert (
                requests.get(two.file_url(two.page("cheddar")["files"][0]), timeout=10).content == upstream.bodies[cold]
            )
        finally:
            one.stop()
            two.stop()


BEFORE = """
[indexes.main]
sources = ["internal", "public"]
"""
AFTER = (
    BEFORE
    + """
[indexes.extra]
sources = ["internal"]
"""
)


class Load(Beside):
    """Requests without a pause, over connections that are kept, until stopped."""

    def __init__(self, server, connections=4):
        self.server, self.problems, self.answered = server, [], 0
        super().__init__(*[self._run] * connections)

    def _run(self):
        with requests.Session() as session:
            while not self.stopped.is_set():
                try:
                    answer = session.get(self.server.index() + "gouda/", timeout=10)
                    self.answered += 1
                    if answer.status_code != 200:
                        self.problems.append(f"{answer.status_code} {answer.reason}")
                except requests.RequestException as error:
                    self.problems.append(repr(error))


@pytest.mark.parametrize("workers", ["1", "3"])
def test_a_new_configuration_is_served_without_a_dropped_connection(tmp_path, upstream, workers):
    server = Affineur(tmp_path / "data", upstream.url, config=BEFORE)
    server.start("--workers", workers)
    try:
        name, body = wheel_name("gouda", "1.0"), wheel_bytes("gouda", "1.0", padding=3_000_000)
        assert server.upload(name, body, token=server.token()).status_code == 200
        slow = requests.get(server.file_url(server.page("gouda")["files"][0]), stream=True, timeout=30)
        begun = slow.raw.read(1000)
        with Load(server) as load:
            assert files_seen(server, "gouda", 5, "extra") == {404}
            for text in (AFTER, BEFORE, AFTER):
                server.config.write_text(text)
                server.process.send_signal(signal.SIGHUP)
                wanted = {(name,)} if text == AFTER else {404}
                assert eventually(lambda wanted=wanted: files_seen(server, "gouda", 12, "extra") == wanted)
        assert load.problems == []
        assert load.answered > 20
        assert begun + slow.raw.read() == body, "the answer begun under the first configuration must end"
        slow.close()
    finally:
        server.stop()


def test_a_wrong_configuration_changes_nothing_and_is_logged(tmp_path, upstream):
    server = Affineur(tmp_path / "data", upstream.url, config=AFTER)
    server.start()
    try:
        with Load(server, 1) as load:
            load.problems.clear()
            for wrong, said in (
                ('[indexes.main]\nsources = ["internl"]\n', "did you mean"),
                ("this is no TOML", "Expected"),
                ("colour = 'red'\n", "no such setting"),
            ):
                server.config.write_text(wrong)
                server.process.send_signal(signal.SIGHUP)
                assert eventually(lambda said=said: said in server.log.read_text()), server.log.read_text()
                assert server.get("/extra/simple/").status_code == 200
        assert server.log.read_text().count("configuration not reloaded, nothing changed") == 3
        assert server.process.poll() is None
    finally:
        server.stop()


def test_a_server_that_is_told_to_stop_ends_running_answers_first(tmp_path, upstream):
    filename = upstream.wheel("cheddar", "1.0", padding=2_000_000)
    upstream.rate = 1_500_000
    server = Affineur(tmp_path / "data", upstream.url)
    server.start()
    url = server.file_url(server.page("cheddar")["files"][0])
    answer = requests.get(url, stream=True, timeout=30)
    begun = answer.raw.read(1000)
    server.process.terminate()
    assert begun + answer.raw.read() == upstream.bodies[filename]
    assert server.process.wait(15) == 0
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=5)


def test_a_worker_beside_the_server_does_its_jobs(tmp_path, upstream):
    server = Affineur(tmp_path / "data", upstream.url, AFFINEUR_RUN_JOBS="false")
    server.start()
    worker = None
    try:
        time.sleep(1.5)
        assert server.command("job", "list", "--format", "json").stdout.strip() == "[]"
        worker = subprocess.Popen(
            [sys.executable, "-m", "affineur", "worker"], env=server._environment(), stdout=subprocess.DEVNULL
        )
        assert eventually(
            lambda: server.command("job", "list", "--state", "done").stdout.count("done") >= 2, seconds=30
        )
        worker.terminate()
        assert worker.wait(10) == 0
    finally:
        if worker is not None:
            worker.kill()
        server.stop()
