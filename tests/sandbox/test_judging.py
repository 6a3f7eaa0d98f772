"""What honest programs and honest tests do works across the wall between them, and what is wrong is named."""

import contextlib

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jielong.sandbox import SandboxLimits, bubblewrap, monty, run_tests
from jielong.sandbox.inside.plain_values import decode, encode

works = pytest.mark.skipif(bubblewrap.why_unavailable() is not None, reason=str(bubblewrap.why_unavailable()))

PROGRAM = """
import collections, datetime, decimal, enum, heapq
class Pair:
    count = 0
    def __init__(self, a, b): self.a, self.b = a, b
    def __len__(self): return 2
    def __getitem__(self, i): return (self.a, self.b)[i]
    def turned(self): return Pair(self.b, self.a)
class Node:
    def __init__(self, value): self.value, self.left = value, None
class TooPoor(ValueError): pass
class Colour(enum.IntEnum): RED = 3
Point = collections.namedtuple('Point', 'x y')
LIMIT = 5
def same(x): return x
def total(pairs):
    found = 0
    for p in pairs: found += p.a + p.b
    return found
def depth(node): return 0 if node is None else 1 + depth(node.left)
def count_up(n): yield from range(n)
def in_place(xs): xs.sort()
def counted(xs): return collections.Counter(xs)
def apply(f, xs): return [f(x) for x in xs]
def keep(kind, xs): return [x for x in xs if isinstance(x, kind)]
def pay(n):
    if n < 0: raise ValueError('negative')
    if n > 10: raise TooPoor(n)
    return n
def sum(a, b): return a + b
print('passed')
"""

HONEST = {
    "plain values": "for x in [0, -7, 10**40, 1.5, float('inf'), 'é\\ud800', b'x', None, True, (1, [2, {3}]), {'a': {1: 2}}, 2j, frozenset([1]), bytearray(b'a')]:\n    assert same(x) == x and type(same(x)) is type(x)\n",
    "not a number": "x = same(float('nan'))\nassert x != x\n",
    "dates and decimals": "from datetime import date, timedelta\nfrom decimal import Decimal\nassert same(date(2020, 1, 2)) == date(2020, 1, 2)\nassert same([Decimal('0.1'), timedelta(3)]) == [Decimal('0.1'), timedelta(3)]\n",
    "objects of the program": "assert total([Pair(1, 2), Pair(3, 4)]) == 10\np = Pair(1, 2)\nassert p.a == 1 and len(p) == 2 and p[1] == 2 and p.turned().a == 2\n",
    "objects that the tests change": "root = Node(1)\nroot.left = Node(2)\nassert depth(root) == 2\nassert root.left.value == 2\nassert same(root) is root and same(root) == root\n",
    "named tuples": "assert Point(1, 2) == (1, 2) and Point(1, 2).x == 1 and same([Point(1, 2)]) == [(1, 2)] and hash(Point(1, 2)) == hash((1, 2))\n",
    "enumerations": "assert Colour.RED == 3 and Colour.RED < 4 and Colour.RED + 1 == 4\n",
    "generators": "assert list(count_up(3)) == [0, 1, 2]\nassert next(count_up(1)) == 0 and next(iter(count_up(0)), None) is None\nassert 2 in count_up(5)\n",
    "counters": "assert counted('aab') == {'a': 2, 'b': 1}\nassert counted('aab').most_common(1) == [('a', 2)]\n",
    "what changes in place": "xs = [3, 1, 2]\nassert in_place(xs) is None\nassert xs == [1, 2, 3]\n",
    "functions as arguments": "assert apply(lambda x: x + 1, [1, 2]) == [2, 3]\nimport math\nassert apply(math.sqrt, [4]) == [2]\nassert apply(len, ['ab']) == [2]\n",
    "types as arguments": "assert keep(int, [1, 'a']) == [1] and keep((str, float), [1, 'a', 2.5]) == ['a', 2.5]\n",
    "exceptions": "for bad, kind in [(-1, ValueError), (11, TooPoor), (None, TypeError)]:\n    try:\n        pay(bad)\n    except kind as error:\n        assert not isinstance(error, TooPoor) or isinstance(error, ValueError)\n    else:\n        assert False\nassert pay(3) == 3\n",
    "an exception with its words": "try:\n    pay(-1)\nexcept ValueError as error:\n    assert str(error) == 'negative'\n",
    "a function that is named as a builtin": "assert sum(1, 2) == 3\nassert sum(3, 4) == 7\n",
    "constants, and modules that are not imported": "assert LIMIT == 5\nassert math.isclose(same(0.1) + 0.2, 0.3)\n",
    "iterators as arguments": "assert total(Pair(i, i) for i in range(3)) == 6\n",
    "keywords": "assert Pair(a=1, b=2).b == 2\n",
    "copies": "import copy\np = Pair(1, 2)\nassert copy.deepcopy([p, 1])[0].a == 1\n",
}  # fmt: skip


def status(program: str, tests: str) -> tuple[str, str]:
    result = anyio.run(lambda: run_tests(program, tests))
    return result.status, result.stderr


@works
def test_honest_tests_of_an_honest_program_pass() -> None:
    assert {name: status(PROGRAM, tests) for name, tests in HONEST.items()} == dict.fromkeys(HONEST, ("ok", ""))


@works
@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("def f(x):\n    return x + 2", "AssertionError: assert f(5) == 10"),
        ("def f(x:", "SyntaxError"),
        ("f(1)", "NameError: name 'f' is not defined"),
        ("x = 1", "NameError: name 'f' is not defined"),
        ("def f(x):\n    return 1 / 0", "ZeroDivisionError"),
        ("def f(x):\n    raise KeyError('k')", "KeyError: 'k'"),
        ("import os\ndef f(x): os._exit(0)", "ended before it had answered"),
        ("def f(x):\n    x = []\n    x.append(x)\n    return x", "too large or too deep"),
        ("def f(x): return 'x' * 9_000_000", "too large or too deep"),
    ],
)
def test_what_is_wrong_is_named(program: str, words: str) -> None:
    found, said = status(
        program,
        "assert f(1) == 2\nassert f(5) == 10" if "x + 2" not in program else "assert f(2) == 4\nassert f(5) == 10",
    )
    assert found == "error"
    assert words in said


@works
@pytest.mark.parametrize(
    ("program", "tests", "expected"),
    [
        ("def f():\n    while True: pass", "f()", "timeout"),
        ("def f():\n    n = 0\n    while True:\n        yield n", "list(f())", "timeout"),
        ("def f(): return bytearray(10**9)", "f()", "memory"),
        ("def f():\n    while True: print('x' * 1000)", "f()", "output"),
        ("import os, time\nos.closerange(0, 64)\ntime.sleep(9)", "f()", "timeout"),
    ],
)
def test_it_ends_within_its_limits(program: str, tests: str, expected: str) -> None:
    limits = SandboxLimits(seconds=1.0, memory_mb=256, output_bytes=100_000)
    assert anyio.run(lambda: run_tests(program, tests, limits=limits)).status == expected


@pytest.mark.parametrize(
    ("program", "tests", "right"),
    [
        ("def f(x):\n    return x * 2", "assert f(2) == 4\nassert f('a') == 'aa'", True),
        ("def f(x):\n    return x", "assert f(2) == 4", False),
        ("def f(x):\n    raise ValueError('no')", "try:\n    f(1)\n    ok = False\nexcept ValueError:\n    ok = True\nassert ok", True),
        ("class Yes:\n    def __eq__(self, other):\n        return True\ndef f(x):\n    return Yes()", "assert f(2) == 4", False),
        ("def all(x):\n    return True\ndef f(x):\n    return x", "assert all([f(2) == 4])", False),
        ("def f(x):\n    while True:\n        pass", "try:\n    f(2)\nexcept Exception:\n    pass", False),
        ("assert False", "assert f(2) == 4", False),
        ("x = 1", "assert f(", False),
    ],
)  # fmt: skip
def test_the_embedded_sandbox_judges_on_plain_values_too(program: str, tests: str, right: bool) -> None:
    result = anyio.run(monty.run_tests, program, tests, SandboxLimits(seconds=1.0))
    assert (result.status == "ok") is right, result


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(), max_size=9)
    | st.binary(max_size=9) | st.complex_numbers(allow_nan=False),
    lambda inner: st.lists(inner, max_size=4) | st.lists(inner, max_size=4).map(tuple) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    | st.frozensets(st.integers(), max_size=4) | st.sets(st.text(max_size=3), max_size=3),
    max_leaves=12,
)  # fmt: skip


def refused(*_: object) -> bytes:
    raise ValueError("no plain value")


@settings(max_examples=150)
@given(PLAIN)
def test_a_plain_value_comes_back_as_it_was(value: object) -> None:
    back = decode(encode(value, refused), refused)
    assert repr(back) == repr(value) or back == value
    assert type(back) is type(value)


@settings(max_examples=300)
@given(st.binary(max_size=40) | st.text("ludmesbzaicyon0123456789abcdef;-'\"", max_size=60).map(str.encode))
def test_bytes_of_any_kind_are_a_plain_value_or_a_value_error(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        decode(data, refused)
