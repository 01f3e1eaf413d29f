"""Messages leave a real server: nothing is lost when the receiver is down and the server is killed in between."""

import json

import pytest

from tests.support.polling import until
from tests.support.server import Affineur
from tests.support.webhooks import Hooks


@pytest.fixture
def server(tmp_path):
    made = Affineur(tmp_path / "data", "http://127.0.0.1:9/simple/", AFFINEUR_WEBHOOK_NETWORKS="127.0.0.0/8")
    yield made
    made.stop()


def queued(server, hooks):
    made = server.command("notify", "test", hooks.target, "--format", "json")
    return json.loads(made.stdout)[0]["id"]


def states(server):
    rows = json.loads(server.command("notify", "list", "--format", "json").stdout)
    return {row["id"]: row["state"] for row in rows}


def test_nothing_is_lost_when_the_receiver_is_down_and_the_server_is_killed(server):
    hooks = Hooks()
    server.start()
    ids = {queued(server, hooks) for _ in range(2)}
    until(lambda: "not delivered" in server.log.read_text())
    server.kill()
    ids.add(queued(server, hooks))
    server.start()
    ids.add(queued(server, hooks))
    server.kill()
    with hooks:
        server.start()
        until(lambda: set(hooks.ids) == ids, seconds=90)
        until(lambda: set(states(server).values()) == {"delivered"})


def test_a_message_from_a_command_beside_the_server_leaves_at_once(server):
    with server, Hooks() as hooks:
        identifier = queued(server, hooks)
        until(lambda: hooks.ids == [identifier], seconds=5)
        assert hooks.bodies[0]["id"] == identifier


def test_a_dead_letter_is_replayed(server):
    with server, Hooks() as hooks:
        hooks.status = 410
        identifier = queued(server, hooks)
        until(lambda: states(server) == {identifier: "dead"})
        hooks.status = 200
        server.command("notify", "retry", identifier)
        until(lambda: states(server) == {identifier: "delivered"})
        assert hooks.ids == [identifier, identifier]
