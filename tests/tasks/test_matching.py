"""When two answers are equal, on the hard cases and by law; the process that math-verify runs in."""

import os
import select
import signal
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jielong.answers import RULES
from jielong.answers.quantities import canonical
from jielong.errors import Unsupported
from jielong.scope import scope
from jielong.tasks import math_verify_process
from jielong.tasks.answer_equality import infer_rule, matches

HARD: dict[str, list[dict[str, Any]]] = tomllib.loads(Path(__file__).with_name("hard_answers.toml").read_text("utf-8"))


def equal(rule: str, predicted: str | None, *accepted: str, choices: list[str] | None = None) -> bool:
    return anyio.run(lambda: matches(rule, predicted, accepted, choices=choices))


def misses(cases: list[dict[str, Any]]) -> Iterator[str]:
    for case in cases:
        found = case["predicted"] if "predicted" in case else RULES[case["rule"]](case["text"])
        if "text" in case and found != case.get("expected"):
            yield f"{case['rule']} found {found!r}, expected {case.get('expected')!r} in {case['text']!r}"
        if "gold" in case and equal(case["rule"], found, case["gold"], choices=case.get("choices")) != case["equal"]:
            yield f"{case['rule']}: {found!r} and {case['gold']!r} should be equal: {case['equal']}"


@pytest.mark.parametrize("kind", HARD)
def test_hard_cases(kind: str) -> None:
    assert list(misses(HARD[kind])) == []


def test_there_are_enough_hard_cases_and_none_twice() -> None:
    cases = [str(sorted(case.items(), key=str)) for cases in HARD.values() for case in cases]
    assert len(cases) >= 250
    assert len(cases) == len(set(cases))


def test_no_answer_matches_nothing() -> None:
    for rule in RULES:
        assert not equal(rule, None, "5", "None", "")


@given(st.fractions(max_denominator=10**6), st.fractions(max_denominator=10**6))
def test_numbers_are_equal_exactly_when_their_fractions_are(a: Fraction, b: Fraction) -> None:
    assert equal("number", canonical(a), canonical(a))
    assert equal("number", canonical(a), f"{a.numerator}/{a.denominator}")
    assert equal("number", canonical(a), canonical(b)) == (a == b)


@given(st.integers(0, 10**6))
def test_a_percentage_equals_its_fraction_and_its_bare_number_alone(n: int) -> None:
    assert equal("number", f"{n}%", canonical(Fraction(n, 100)))
    assert equal("number", f"{n}%", str(n))
    assert equal("number", str(n), f"{n}%")
    assert not equal("number", f"{n + 1}%", f"{n}%")


@given(st.text(max_size=30))
def test_a_text_equals_itself_in_other_case_and_quotes(text: str) -> None:
    found = RULES["exact"](text)
    if found is not None and "\n" not in found:
        assert equal("exact", found, found)
        assert equal("exact", found, f"  “{found}” ")


def test_any_accepted_answer_will_do() -> None:
    assert equal("number", "5", "4", "5")
    assert equal("contains", "It was Paris.", "London", "Paris")
    assert not equal("exact", "Rome", "London", "Paris")


def test_a_choice_is_taken_by_its_text_only_if_it_is_one_choice() -> None:
    assert equal("choice", "Paris", "B", choices=["Rome", "Paris"])
    assert not equal("choice", "Paris", "B", choices=["Paris", "paris"])


@pytest.fixture
def worker() -> subprocess.Popen[bytes]:
    """The warm worker, started."""
    assert anyio.run(math_verify_process.equal, "\\sqrt{4}", "2")
    process = math_verify_process.worker().idle()
    assert process
    return process


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs SIGSTOP")
def test_a_comparison_that_hangs_is_killed_counted_and_said(worker: subprocess.Popen[bytes]) -> None:
    before = math_verify_process.worker().stopped
    worker.send_signal(signal.SIGSTOP)  # as hung as a process can be
    with scope("test") as here:
        assert not anyio.run(math_verify_process.equal, "\\sqrt{4}", "2")
    assert math_verify_process.worker().stopped == before + 1
    assert any("over 2 s" in said for said in here.notes)
    assert worker.poll() is not None
    assert anyio.run(math_verify_process.equal, "\\sqrt{4}", "2")
    assert math_verify_process.worker().idle() is not worker


def test_a_worker_that_died_is_replaced_without_a_word(worker: subprocess.Popen[bytes]) -> None:
    worker.kill()
    worker.wait()
    before = math_verify_process.worker().stopped
    assert anyio.run(math_verify_process.equal, "x+1", "1+x")
    assert math_verify_process.worker().stopped == before


@pytest.mark.parametrize("bomb", ["9^{9^{9^{9^{9}}}}", "10^{10^{10}}!", "(x+1)^{99999}", "\\frac{" * 90 + "1"])
def test_a_bomb_equals_nothing_and_the_next_comparison_works(bomb: str) -> None:
    assert not anyio.run(math_verify_process.equal, "2", bomb)
    assert anyio.run(math_verify_process.equal, "\\sqrt{4}", "2")


def test_a_worker_that_cannot_start_is_an_error_with_the_command_to_see_why(monkeypatch: pytest.MonkeyPatch) -> None:
    math_verify_process.worker().close()
    monkeypatch.setattr(math_verify_process, "COMPARER", "jielong.no_such_module:comparer")
    with pytest.raises(Unsupported, match=r"see why with: .* jielong.no_such_module:comparer"):
        anyio.run(math_verify_process.equal, "\\sqrt{4}", "2")
    monkeypatch.undo()
    assert anyio.run(math_verify_process.equal, "\\sqrt{4}", "2")


def test_many_comparisons_at_once_from_several_event_loops() -> None:
    wrong: list[int] = []

    async def all_at_once() -> None:
        async def one(i: int) -> None:
            if await math_verify_process.equal(f"\\sqrt{{{i * i}}}", str(i + i % 2)) != (i % 2 == 0):
                wrong.append(i)

        async with anyio.create_task_group() as tasks:
            for i in range(1, 21):
                tasks.start_soon(one, i)

    threads = [threading.Thread(target=anyio.run, args=(all_at_once,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_cancelled_comparison_leaves_the_worker_in_order(worker: subprocess.Popen[bytes]) -> None:
    async def cancelled_and_another() -> bool:
        with anyio.CancelScope() as cancelled:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(math_verify_process.equal, "\\sqrt{9}", "2")
                await anyio.lowlevel.checkpoint()
                cancelled.cancel()
        return await math_verify_process.equal("\\sqrt{4}", "2")

    assert anyio.run(cancelled_and_another)


def test_nothing_foreign_is_evaluated(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    for text in (
        f"__import__('os').system('touch {canary}')",
        f"\\text{{open('{canary}','w')}}",
        f"open('{canary}','w')",
    ):
        for dressed in (text, f"1 + {text}", f"$ {text} $", f"\\boxed{{{text}}}"):
            anyio.run(math_verify_process.equal, "1", dressed)
    assert not canary.exists()


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
def test_the_worker_sees_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    math_verify_process.worker().close()
    assert anyio.run(math_verify_process.equal, "\\sqrt{4}", "2")
    process = math_verify_process.worker().idle()
    assert process
    assert b"sk-canary" not in Path(f"/proc/{process.pid}/environ").read_bytes()


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs pidfd_open")
@pytest.mark.parametrize("how", ["SIGKILL", "SIGTERM", "SIGINT"])
def test_no_worker_is_left_when_its_parent_is_killed(how: str) -> None:
    program = (
        "import anyio, sys\nfrom jielong.tasks import math_verify_process\n"
        "assert anyio.run(math_verify_process.equal, '\\\\sqrt{4}', '2')\n"
        "print(math_verify_process.worker().idle().pid, flush=True)\nsys.stdin.read()"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with parent:
        assert parent.stdout
        orphan = os.pidfd_open(int(parent.stdout.readline()))
        parent.send_signal(signal.Signals[how])
        parent.wait()
        assert select.select([orphan], [], [], 60)[0], "the worker outlived its parent by a minute"
        os.close(orphan)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_gets_a_worker_of_its_own() -> None:
    program = """
import anyio, os
from jielong.tasks import math_verify_process
assert anyio.run(math_verify_process.equal, '\\\\sqrt{4}', '2')
mine = math_verify_process.worker().idle().pid
if (child := os.fork()) == 0:
    same = anyio.run(math_verify_process.equal, '\\\\sqrt{9}', '3')
    own = math_verify_process.worker().idle().pid != mine
    math_verify_process.worker().close()
    os._exit(0 if same and own else 1)
assert os.waitpid(child, 0)[1] == 0
assert anyio.run(math_verify_process.equal, '\\\\sqrt{16}', '4') and math_verify_process.worker().idle().pid == mine
"""
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(
    ("answers", "choices", "tests", "rule", "why"),
    [
        (["1,234", "$5", "3/4", "-2"], False, False, "number", "all 4 answers are numbers"),
        (["5"], False, False, "number", "the only answer is numbers"),
        (["A", "(B)", "C"], False, False, "choice", "letters"),
        (["(A)"] * 99 + ["Monsters, Inc"], False, False, "choice", "99 of 100"),
        (["Paris", "London"], True, False, "choice", "choices"),
        (["Yes", "No", "yes"], False, False, "yes_no", "yes or no"),
        (["是", "否"], False, False, "yes_no", "yes or no"),
        (['{"a": 1}', "[1]"], False, False, "json", "JSON"),
        (["2\\sqrt{3}", "5", "[2, 5)"], False, False, "number", "mathematical"),
        (["Paris", "5"], False, False, "contains", "short texts"),
        (["valid", "invalid"], False, False, "contains", "short texts"),
        (["billing", "other", "billing"], False, False, "label", "all 3 answers are 2 labels"),
        (["valid", "invalid"] * 20, False, False, "label", "2 labels"),
        ([f"town {i}" for i in range(50)] * 2, False, False, "exact", "again and again"),
        (["word " * 100], False, False, "judge", "long"),
        ([], False, False, "judge", "no answers"),
        ([], False, True, "code", "tests"),
    ],
)
def test_the_rule_of_a_task_is_inferred_and_said(
    answers: list[str], choices: bool, tests: bool, rule: str, why: str
) -> None:
    inferred, said = infer_rule(answers, choices=choices, tests=tests)
    assert inferred == rule
    assert why in said
