"""The notifier loses no wake-up: between tasks, threads and loops, whoever leaves in the middle."""

from __future__ import annotations

import random
import threading

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jielong.runtime.notifier import Notifier


class Semaphore:
    """A semaphore made of a notifier, as the limiter, budgets and single flight are."""

    def __init__(self, free: int) -> None:
        self.free, self.notifier, self.lock = free, Notifier(), threading.Lock()
        self.most_at_once = 0
        self.holders = 0

    async def acquire(self) -> None:
        while True:
            seen = self.notifier.notifications
            with self.lock:
                if self.free:
                    self.free -= 1
                    self.holders += 1
                    self.most_at_once = max(self.most_at_once, self.holders)
                    return
            await self.notifier.wait_for_change(seen)

    def release(self) -> None:
        with self.lock:
            self.free += 1
            self.holders -= 1
        self.notifier.notify(1)


async def visit(semaphore: Semaphore, times: int, rng: random.Random) -> int:
    served = 0
    for _ in range(times):
        with anyio.move_on_after(rng.choice([None, None, None, 0.0, 0.0005])):
            await semaphore.acquire()
            try:
                await anyio.lowlevel.checkpoint()
            finally:
                semaphore.release()
            served += 1
    return served


async def crowd(semaphore: Semaphore, people: int, times: int, seed: int) -> None:
    async with anyio.create_task_group() as tasks:
        for i in range(people):
            tasks.start_soon(visit, semaphore, times, random.Random(seed * 1000 + i))


def test_a_crowd_in_three_threads_is_served_and_nobody_sleeps_on(full: bool) -> None:
    semaphore = Semaphore(3)
    times = 200 if full else 20
    threads = [threading.Thread(target=anyio.run, args=(crowd, semaphore, 50, times, i)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (semaphore.free, semaphore.holders) == (3, 0)
    assert semaphore.most_at_once <= 3
    assert not semaphore.notifier._waiting


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(["wait", "notify", "leave", "run"]), max_size=30), st.integers(0, 10**6))
def test_every_notification_reaches_somebody(actions: list[str], seed: int) -> None:
    """Waiters come and leave in any order: no notification is lost while somebody waits."""

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
            for i, action in enumerate(actions):
                if action == "wait":
                    scopes[i] = anyio.CancelScope()
                    tasks.start_soon(wait, i)
                    await anyio.wait_all_tasks_blocked()
                elif action == "notify":
                    if len(scopes) > seen:
                        seen += 1
                        notifier.notify(1)
                elif action == "leave" and (left := [i for i in scopes if i not in woken]):
                    scopes.pop(rng.choice(left)).cancel()
                    seen = min(seen, len(scopes))
                else:
                    await anyio.wait_all_tasks_blocked()
            await anyio.wait_all_tasks_blocked()
            assert len(woken) >= min(seen, len(woken | scopes.keys())), "a wake-up was lost"
            notifier.notify()
            await anyio.wait_all_tasks_blocked()
            assert woken >= scopes.keys(), "a notification for all left one asleep"

    anyio.run(main)


@pytest.mark.anyio
async def test_a_notification_between_looking_and_waiting_is_not_missed() -> None:
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
