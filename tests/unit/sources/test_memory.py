"""The budget of bytes, and what hangs on an entry."""

import math

from affineur.sources.memory import Answer, Entry, Memory


def entry(weight, expires=math.inf):
    return Entry(expires, weight)


def answer(key, until=math.inf, weight=300):
    return Answer(b"before", b"after", b"", until, key, weight)


def remember(memory, asked, given, held):
    """Have a request come twice, so that its answer is remembered."""
    memory.remember(asked, given, held)
    memory.remember(asked, given, held)


def test_the_least_used_is_dropped_when_the_budget_is_spent():
    memory = Memory(100)
    kept = {name: entry(40) for name in "abc"}
    memory.keep("a", kept["a"])
    memory.keep("b", kept["b"])
    assert memory.get("a", 0.0) is kept["a"]
    memory.keep("c", kept["c"])
    assert [memory.get(name, 0.0) for name in "abc"] == [kept["a"], None, kept["c"]]
    assert memory.weight == 80


def test_an_answer_counts_as_a_use_and_as_weight():
    memory = Memory(10_000)
    first, second = entry(4000), entry(4000)
    memory.keep("a", first)
    remember(memory, b"asked", answer("a"), first)
    memory.keep("b", second)
    assert memory.answer(b"asked", 0.0) == answer("a")
    memory.add("b", second, 4000)
    assert memory.get("b", 0.0) is None
    assert memory.weight == first.weight == 4300


def test_one_entry_stays_even_if_it_is_larger_than_the_budget():
    memory = Memory(10)
    memory.keep("a", entry(1000))
    assert memory.get("a", 0.0) is not None


def test_answers_go_with_their_entry():
    memory = Memory(10_000)
    for replace in (lambda: memory.drop("a"), lambda: memory.keep("a", entry(1)), memory.clear):
        held = entry(1)
        memory.keep("a", held)
        remember(memory, b"asked", answer("a"), held)
        replace()
        assert memory.answer(b"asked", 0.0) is None
    memory.drop("a")
    assert memory.weight == 0


def test_an_answer_from_an_entry_that_was_replaced_meanwhile_is_not_remembered():
    memory = Memory(10_000)
    old = entry(1)
    memory.keep("a", old)
    memory.keep("a", entry(1))
    remember(memory, b"asked", answer("a"), old)
    memory.add("a", old, 1000)
    assert memory.answer(b"asked", 0.0) is None
    assert memory.weight == 1


def test_nothing_is_given_from_its_last_moment_on():
    memory = Memory(10_000)
    held = entry(1, expires=5.0)
    memory.keep("a", held)
    remember(memory, b"asked", answer("a", until=4.0), held)
    assert memory.answer(b"asked", 3.9) is not None
    assert memory.answer(b"asked", 4.0) is None
    assert memory.get("a", 4.9) is held
    assert memory.get("a", 5.0) is None


def test_every_answer_can_be_forgotten_with_the_entries_left():
    memory = Memory(10_000)
    held = entry(1)
    memory.keep("a", held)
    remember(memory, b"asked", answer("a"), held)
    memory.forget_answers()
    assert memory.answer(b"asked", 0.0) is None
    assert memory.get("a", 0.0) is held


def test_requests_that_never_come_again_take_no_room():
    memory = Memory(10_000)
    held = entry(1)
    memory.keep("a", held)
    for number in range(20_000):
        memory.remember(b"%d" % number, answer("a"), held)
    assert memory.weight == 1
    memory.remember(b"19999", answer("a"), held)
    memory.remember(b"3", answer("a"), held)
    assert memory.answer(b"19999", 0.0) is not None
    assert memory.answer(b"3", 0.0) is None


def test_the_answers_of_one_entry_are_bounded_and_weighed_once():
    memory = Memory(10**9)
    held = entry(0)
    memory.keep("a", held)
    for number in range(3000):
        remember(memory, b"%d" % number, answer("a"), held)
        memory.remember(b"%d" % number, answer("a"), held)
    assert memory.weight == held.weight == 1000 * 300
    assert memory.answer(b"2999", 0.0) is not None
    assert memory.answer(b"1999", 0.0) is None
    memory.forget_answers()
    assert memory.weight == held.weight == 0
