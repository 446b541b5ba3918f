"""What threads make comes in the order of what it is made from."""

import threading
import time

import pytest
from goodinit.netlib.data.in_order import AHEAD, in_order
from goodinit.netlib.data.prefetch import THREADS


def test_the_order_is_that_of_the_things():
    def make(i):
        time.sleep(0.01 * (i % 3))  # the later ones are done sooner
        return -i

    assert list(in_order(make, range(20))) == [-i for i in range(20)]
    assert list(in_order(make, [])) == []


def test_threads_make_them_and_a_few_ahead():
    made, by = [], set()

    def make(i):
        made.append(i)
        by.add(threading.current_thread())
        return i

    results = in_order(make, range(1000))
    assert not made
    assert next(results) == 0
    results.close()
    assert len(made) <= AHEAD + 1
    assert threading.current_thread() not in by
    assert len(by) <= THREADS


def test_an_exception_comes_in_its_turn():
    def make(i):
        if i == 2:
            raise ValueError('the third')
        return i

    results = in_order(make, range(100))
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match='the third'):
        next(results)
    assert list(results) == []
