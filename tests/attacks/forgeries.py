"""Programs that are wrong and want to pass, as (what it does, program, tests): none computes what is asked."""

from __future__ import annotations

from dataclasses import dataclass

TESTS = "assert double(3) == 6\nassert double(-2) == -4\nassert double('ab') == 'abab'\nassert double([1]) == [1, 1]\n"
CLOSE = "assert abs(double(1.5) - 3.0) < 1e-9\n"
CASES = "CASES = [{'x': 3, 'y': 6}, {'x': 'ab', 'y': 'abab'}]\nfor case in CASES:\n    assert double(case['x']) == case['y']\n"
ALL = "assert all(map(lambda x: double(x) == 2 * x, range(1, 5)))\n"


@dataclass(frozen=True)
class Forgery:
    name: str
    program: str
    tests: str = TESTS
    prelude: str = ""
    in_file: bool = False  # the stand-in reads the tests from a file beside the program
    printed: bool = False  # the stand-in believes what is printed


FORGERIES = [
    # ends the process before anything is compared
    Forgery("leaves with os._exit(0)", "import os\nos._exit(0)"),
    Forgery("leaves with sys.exit(0)", "import sys\nsys.exit(0)"),
    Forgery("leaves when it is called", "def double(x):\n    raise SystemExit(0)"),
    Forgery("leaves by the C library", "import ctypes\nctypes.CDLL(None)._exit(0)"),
    Forgery("changes the exit status at exit", "import atexit, os\natexit.register(os._exit, 0)"),
    Forgery("leaves in the hook of exceptions", "import os, sys\nsys.excepthook = lambda *a: os._exit(0)"),
    Forgery("leaves when it is collected", "import os\nclass End:\n    def __del__(self, leave=os._exit): leave(0)\nend = End()"),
    Forgery("leaves from a thread", "import os, threading, time\nthreading.Thread(target=os._exit, args=(0,)).start()\ntime.sleep(1)"),
    Forgery("leaves from a signal", "import os, signal\nsignal.signal(signal.SIGALRM, lambda *a: os._exit(0))\n"
            "signal.setitimer(signal.ITIMER_REAL, 0.05)\ndef double(x):\n    while True: pass"),
    Forgery("leaves from the profiler", "import os, sys\nsys.setprofile(lambda f, e, a: os._exit(0) if f.f_code.co_name == 'double' else None)\n"
            "def double(x): pass"),
    Forgery("becomes another program", "import os\nos.execv('/bin/true', ['true'])"),
    Forgery("becomes a Python without asserts", "import os, sys\nif sys.flags.optimize == 0:\n"
            "    os.execv(sys.executable, [sys.executable, '-O', os.path.abspath(sys.argv[0])])\ndef double(x): pass"),
    Forgery("leaves a child behind that goes on", "import os\nif os.fork(): os._exit(0)\nos._exit(1)"),
    # objects that say what is wanted
    Forgery("answers that equal everything", "class Yes:\n    def __eq__(self, other): return True\ndef double(x): return Yes()"),
    Forgery("an int that equals everything", "class Yes(int):\n    def __eq__(self, other): return True\ndef double(x): return Yes(0)"),
    Forgery("a str that equals everything", "class Yes(str):\n    def __eq__(self, other): return True\ndef double(x): return Yes('')"),
    Forgery("a list that equals everything", "class Yes(list):\n    def __eq__(self, other): return True\ndef double(x): return Yes()"),
    Forgery("a float that is near to everything", "class Near(float):\n    def __sub__(self, other): return 0.0\ndef double(x): return Near(0)", CLOSE),
    Forgery("an object that is near to everything", "class Near:\n    def __sub__(self, other): return 0.0\ndef double(x): return Near()", CLOSE),
    Forgery("an object that is less than everything", "class Less:\n    def __sub__(self, o): return self\n    def __abs__(self): return self\n"
            "    def __lt__(self, o): return True\ndef double(x): return Less()", CLOSE),
    Forgery("a class that equals everything by its metaclass", "class M(type):\n    def __eq__(c, o): return True\nclass Yes(metaclass=M): pass\n"
            "def double(x): return Yes"),
    Forgery("nothing differs from it", "class Same:\n    def __ne__(self, other): return False\ndef double(x): return Same()",
            "if double(3) != 6 or double('ab') != 'abab':\n    raise ValueError\n"),
    Forgery("everything is in it", "class All:\n    def __contains__(self, x): return True\ndef double(x): return All()", "assert 6 in double(3)\n"),
    Forgery("a result of == that is no bool", "class R:\n    def __bool__(self): return True\nclass Yes:\n    def __eq__(self, o): return R()\n"
            "def double(x): return Yes()"),
    Forgery("a sum that equals everything", "class Yes:\n    def __add__(self, o): return self\n    __radd__ = __add__\n"
            "    def __eq__(self, o): return True\ndef double(x): return Yes()", "assert double(1) + double(2) == 6\n"),
    Forgery("a value that learns what it is compared with by its hash", "class Yes:\n    def __hash__(self): return hash(6)\n"
            "    def __eq__(self, o): return True\ndef double(x): return Yes()", "assert double(3) in {6}\n"),
    # what the tests use is not what it was
    Forgery("abs is another", "import builtins\nbuiltins.abs = lambda x: 0\ndef double(x): return x", CLOSE),
    Forgery("all is another", "import builtins\nbuiltins.all = lambda x: True\ndef double(x): return x", ALL),
    Forgery("all is a function of the program", "def all(x): return True\ndef double(x): return x", ALL),
    Forgery("sorted and set are functions of the program", "def sorted(x): return 0\ndef set(x): return 0\ndef double(x): return x",
            "assert sorted(double([2, 1])) == sorted([1, 2, 1, 2])\nassert set(double([5])) == set([5, 6])\n"),
    Forgery("isinstance and len are others", "import builtins\nbuiltins.isinstance = lambda *a: True\nbuiltins.len = lambda x: 6\ndef double(x): return x",
            "assert isinstance(double(3), list)\nassert len(double('abc')) == 6\n"),
    Forgery("math.isclose is another", "import math\nmath.isclose = lambda *a, **k: True\ndef double(x): return x",
            "import math\nassert math.isclose(double(1.5), 3.0)\n"),
    Forgery("math is a module of its own", "import sys\nclass math:\n    def isclose(*a, **k): return True\nsys.modules['math'] = math\ndef double(x): return x",
            "import math\nassert math.isclose(double(1.5), 3.0)\n"),
    Forgery("the program's name math, which the tests did not import", "class math:\n    def isclose(*a, **k): return True\ndef double(x): return x",
            "assert math.isclose(double(1.5), 3.0)\n"),
    Forgery("import is another", "import builtins, types\nf = types.SimpleNamespace(isclose=lambda *a: True)\nbuiltins.__import__ = lambda *a, **k: f\n"
            "def double(x): return x", "from math import isclose\nassert isclose(double(1.5), 3.0)\n"),
    Forgery("an import hook", "import sys, types\nfrom importlib.machinery import ModuleSpec\nclass Hook:\n    def find_spec(self, name, *a):\n"
            "        return ModuleSpec(name, self) if name == 'statistics' else None\n    def create_module(self, spec):\n"
            "        m = types.ModuleType('statistics'); m.mean = lambda x: 3; return m\n    def exec_module(self, m): pass\n"
            "sys.meta_path.insert(0, Hook())\ndef double(x): return x",
            "import statistics\nassert statistics.mean([double(1), double(2)]) == 3\n"),
    Forgery("the helper that the task gave", "def poly(xs, x): return 0\ndef find_zero(xs): return 99",
            "assert abs(poly([1, 2], find_zero([1, 2]))) < 1e-4\n",
            "def poly(xs, x):\n    return sum(c * x ** i for i, c in enumerate(xs))\n\ndef find_zero(xs):\n    '''Find a zero.'''\n"),
    Forgery("exec is another", "import builtins\nbuiltins.exec = lambda *a: None\ndef double(x): return x", in_file=True),
    Forgery("the file of the tests is another", "open('tests.py', 'w').write('')\ndef double(x): return x", in_file=True),
    Forgery("open is another", "import builtins, io\nbuiltins.open = lambda *a, **k: io.StringIO('')\ndef double(x): return x", in_file=True),
    Forgery("the number six is seven", "import ctypes\nctypes.c_int32.from_address(id(6) + 24).value = 7\ndef double(x): return x + 4",
            "assert double(3) == 6\n"),
    # reads or skips the tests
    Forgery("reads the constants of the tests", "import sys\ndef double(x):\n    constants = list(sys._getframe(1).f_code.co_consts)\n"
            "    return constants[constants.index(x) + 1]", "assert double(3) == 6\nassert double('ab') == 'abab'\n"),
    Forgery("reads the variables of the tests", "import sys\ndef double(x): return sys._getframe(1).f_locals['case']['y']", CASES),
    Forgery("finds the cases among all objects", "import gc\ndef double(x):\n    return next(d['y'] for d in gc.get_objects() if type(d) is dict and d.get('x') == x)",
            CASES.replace("'x': 3, 'y': 6", "'x': [3], 'y': [3, 3]").replace("'x': 'ab', 'y': 'abab'", "'x': [], 'y': []")),
    Forgery("reads its own file", "import re, sys\ndef double(x):\n    text = open(sys.argv[0]).read()\n"
            "    return eval(re.search(r'double\\(' + re.escape(repr(x)) + r'\\) == (.*)', text)[1])"),
    Forgery("jumps over the tests with a trace function", "import sys\ndef jump(frame, event, arg):\n"
            "    if event == 'line': frame.f_lineno = last\n    return jump\ndef double(x):\n    global last\n    frame = sys._getframe(1)\n"
            "    last = max(n for *_, n in frame.f_code.co_lines() if n)\n    frame.f_trace = jump\n    sys.settrace(lambda *a: None)",
            "double(3)\nassert double(3) == 6\npassed = True\n"),
    Forgery("ends a map of the tests early", "def double(x): raise StopIteration", ALL),
    Forgery("empties what it is given", "def order(xs):\n    xs.clear()\n    return []", "xs = [3, 1, 2]\nassert order(xs) == sorted(xs)\n"),
    Forgery("makes what it is given its answer", "def top(xs):\n    xs[:] = [0]\n    return 0", "xs = [3, 9, 2]\nassert top(xs) == max(xs)\n"),
    # writes the verdict
    Forgery("prints the verdict", "print('passed')\ndef double(x): return x", printed=True),
    Forgery("writes the verdict to every descriptor", "import os\nfor d in range(64):\n    try: os.write(d, b'passed')\n    except OSError: pass\n"
            "def double(x): return x", printed=True),
    Forgery("prints the verdict and leaves", "import os\nprint('passed', flush=True)\nos._exit(0)", printed=True),
    Forgery("says it in an exception", "class passed(Exception): pass\ndef double(x): raise passed", printed=True),
    Forgery("says it in a text that the tests print", "def double(x): return 'passed'", "print(double(3))\n" + TESTS, printed=True),
]  # fmt: skip
