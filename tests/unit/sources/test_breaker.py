"""The circuit breaker, on a clock of the test's own."""

import pytest

from affineur.sources.breaker import Breaker


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def failing(breaker, times):
    for _ in range(times):
        breaker.failed()


def test_two_failures_are_forgiven_and_the_third_is_not(clock):
    breaker = Breaker(clock)
    failing(breaker, 2)
    assert breaker.allows()
    breaker.failed()
    assert not breaker.allows()
    assert breaker.rests_for == 1.0


def test_rest_doubles_up_to_a_minute(clock):
    breaker = Breaker(clock)
    rests = []
    for _ in range(20):
        breaker.failed()
        rests.append(breaker.rests_for)
    assert rests[:7] == [0, 0, 1, 2, 4, 8, 16]
    assert rests[-1] == 60


def test_after_a_rest_one_request_tries_for_all(clock):
    breaker = Breaker(clock)
    failing(breaker, 3)
    clock.now += 1.1
    assert [breaker.allows() for _ in range(5)] == [True, False, False, False, False]


def test_an_answer_ends_the_rest(clock):
    breaker = Breaker(clock)
    failing(breaker, 9)
    clock.now += 70
    assert breaker.allows()
    breaker.succeeded()
    assert all(breaker.allows() for _ in range(5))


def test_the_host_may_ask_for_a_rest_but_not_a_long_one(clock):
    breaker = Breaker(clock)
    breaker.failed(retry_after=30)
    assert breaker.rests_for == 30
    breaker.failed(retry_after=86400)
    assert breaker.rests_for == 60
