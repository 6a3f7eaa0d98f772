"""The notifier loses no wake-up: between tasks, threads and loops, whoever leaves in the middle."""

from __future__ import annotations

import random
import threading

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jielong.runtime.notifier import Notifier


class Places:
    """A semaphore made of a notifier, as the limiter, the purse and single flight are."""

    def __init__(self, free: int) -> None:
        self.free, self.notifier, self.lock = free, Notifier(), threading.Lock()
        self.most_at_once = 0
        self.taken = 0

    async def take(self) -> None:
        while True:
            seen = self.notifier.notifications
            with self.lock:
                if self.free:
                    self.free -= 1
                    self.taken += 1
                    self.most_at_once = max(self.most_at_once, self.taken)
                    return
            await self.notifier.wait_for_change(seen)

    def give(self) -> None:
        with self.lock:
            self.free += 1
            self.taken -= 1
        self.notifier.notify(1)


async def visit(places: Places, times: int, rng: random.Random) -> int:
    served = 0
    for _ in range(times):
        with anyio.move_on_after(rng.choice([None, None, None, 0.0, 0.0005])):
            await places.take()
            try:
                await anyio.lowlevel.checkpoint()
            finally:
                places.give()
            served += 1
    return served


async def crowd(places: Places, people: int, times: int, seed: int) -> None:
    async with anyio.create_task_group() as tasks:
        for i in range(people):
            tasks.start_soon(visit, places, times, random.Random(seed * 1000 + i))


def test_a_crowd_in_three_threads_is_served_and_nobody_sleeps_on(full: bool) -> None:
    places = Places(3)
    times = 200 if full else 20
    threads = [threading.Thread(target=anyio.run, args=(crowd, places, 50, times, i)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (places.free, places.taken) == (3, 0)
    assert places.most_at_once <= 3
    assert not places.notifier._waiting


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(["wait", "ring", "leave", "run"]), max_size=30), st.integers(0, 10**6))
def test_every_ring_reaches_somebody(what: list[str], seed: int) -> None:
    """Waiters, seen for one, and waiters who leave, in any order: no ring with somebody there goes to nobody."""

    async def main() -> None:
        notifier, rng = Notifier(), random.Random(seed)
        woken: set[int] = set()
        scopes: dict[int, anyio.CancelScope] = {}

        async def wait(i: int) -> None:
            with scopes[i]:
                await notifier.wait_for_change(notifier.notifications)
                woken.add(i)

        async with anyio.create_task_group() as tasks:
            seen = 0
            for i, act in enumerate(what):
                if act == "wait":
                    scopes[i] = anyio.CancelScope()
                    tasks.start_soon(wait, i)
                    await anyio.wait_all_tasks_blocked()
                elif act == "ring":
                    if len(scopes) > seen:
                        seen += 1
                        notifier.notify(1)
                elif act == "leave" and (left := [i for i in scopes if i not in woken]):
                    scopes.pop(rng.choice(left)).cancel()
                    seen = min(seen, len(scopes))
                else:
                    await anyio.wait_all_tasks_blocked()
            await anyio.wait_all_tasks_blocked()
            assert len(woken) >= min(seen, len(woken | scopes.keys())), "a wake-up was lost"
            notifier.notify()
            await anyio.wait_all_tasks_blocked()
            assert woken >= scopes.keys(), "a ring for all left one asleep"

    anyio.run(main)


@pytest.mark.anyio
async def test_a_ring_between_looking_and_waiting_is_not_missed() -> None:
    notifier = Notifier()
    seen = notifier.notifications
    notifier.notify(1)
    with anyio.fail_after(5):
        await notifier.wait_for_change(seen)


@pytest.mark.anyio
async def test_those_who_waited_longest_are_woken_first() -> None:
    notifier, order = Notifier(), []

    async def wait(i: int) -> None:
        await notifier.wait_for_change(0)
        order.append(i)

    async with anyio.create_task_group() as tasks:
        for i in range(5):
            tasks.start_soon(wait, i)
        await anyio.wait_all_tasks_blocked()
        notifier.notify(2)
        await anyio.wait_all_tasks_blocked()
        assert order == [0, 1]
        notifier.notify()
    assert order == [0, 1, 2, 3, 4]


def test_a_waiter_whose_loop_has_closed_is_passed_over() -> None:
    notifier = Notifier()

    async def leave() -> None:
        with anyio.move_on_after(0.01):
            await notifier.wait_for_change(notifier.notifications)

    anyio.run(leave)
    notifier.notify()
    assert notifier.notifications == 1
