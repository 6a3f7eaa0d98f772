"""The structure of the house, kept by tests: who may import whom, what an import costs, how large a file may be."""

import ast
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

import jielong
from jielong.registry import BUILT_IN

SOURCE = Path(jielong.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
LEVELS = [
    {"installation", "errors", "registry", "sync", "call_context", "lifetime", "atomic_write", "notebook_display"},
    {"killable_worker", "bounded_json", "regular_files", "faults"},
    {"events", "settings_error", "model_names"},
    {"contract"},
    {"scope"},
    {"answers", "recipe", "prompts", "technique", "stats"},
    {"runtime", "sandbox"},
    {"models", "world"},
    {"documents"},
    {"retrieval"},
    {"tasks"},
    {"techniques", "training", "explaining", "measuring"},
    {"improving", "agents"},
    {"reporting"},
    {"serving"},
    {"cli"},
    {"__main__", "__init__"},
]
LEVEL = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}
NAME_TYPES_ABOVE = {"errors", "call_context", "events"}  # they hold what they know by its type alone
SISTERS = {"techniques", "training", "explaining", "measuring"}
HEAVY_OWNERS = {  # the files that may import a heavy library inside a function
    "scipy": {
        "stats.py",
        "measuring/percentiles.py",
        "measuring/ranking.py",
        "measuring/rater_reliability.py",
        "training/reward/reward_baselines.py",
    },
    "rich": {"reporting/formatting.py", "reporting/terminal.py", "cli/progress.py"},
    "markupsafe": {"reporting/wording.py"},  # the command line reads its words without it
    "lets_plot": {"reporting/charts.py"},
    "genai_prices": {"runtime/prices.py"},
    "pyarrow": {"tasks/data_files.py", "documents/corpus.py", "retrieval/lance_vectors.py"},
    "python_calamine": {"tasks/data_files.py"},
    "datasets": {"tasks/load_task.py"},
    "pydantic": {"improving/improve_result.py"},
    "sacrebleu": {"tasks/text_overlap.py"},
    "rouge_score": {"tasks/text_overlap.py"},
    "math_verify": {"tasks/math_verify_process.py"},
    "llguidance": {"models/constrained_decoding.py", "models/grammar_process.py"},
    "click": {"__main__.py"},
    "importlib": {
        "registry.py",
        "installation.py",
    },  # importlib.metadata; these three are not needed where all goes well
    "difflib": {"registry.py", "model_names.py"},
    "traceback": {"registry.py"},
    "readline": {"cli/chat.py"},  # this one and the next three are not there on Windows
    "termios": {"cli/keyboard.py"},
    "tty": {"cli/keyboard.py"},
    "resource": {"killable_worker.py", "sandbox/inside/start.py"},
    "signal": {"killable_worker.py"},
    "posix": {"sandbox/inside/start.py"},
    "ctypes": {"sandbox/inside/start.py"},
    "os": {"sandbox/inside/start.py"},  # which all but one start do without
    "torch": {
        "models/local/classifier.py",
        "models/local/reward_model.py",
        "models/local/transformers_engine.py",
        "models/local/local_adapters.py",
    },
    "peft": {"models/local/local_adapters.py"},
    "transformers": {"models/local/transformers_engine.py"},
    "huggingface_hub": {"models/local/checkpoint_folder.py"},
    "httpx2": {"techniques/tools/mcp_servers.py"},
    "mcp": {"techniques/tools/mcp_servers.py", "techniques/tools/mcp_process.py"},
    "mcp_types": {"techniques/tools/mcp_process.py"},
    "trafilatura": {"documents/html_reader.py"},
    "lxml": {"documents/html_reader.py", "documents/epub_reader.py"},
    "pypdf": {"documents/pdf_reader.py"},
    "docx": {"documents/docx_reader.py"},
    "sentence_transformers": {"retrieval/embedders.py"},
    "lancedb": {"retrieval/lance_vectors.py"},
}


def name_of(file: Path) -> str:
    return file.relative_to(SOURCE).as_posix()


def room_of(file: Path) -> str:
    return file.relative_to(SOURCE).parts[0].removesuffix(".py")


@cache
def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text("utf-8"))


def imported(file: Path) -> list[tuple[str, ast.stmt]]:
    """Every module that a file imports, relative names made whole."""
    package = ("jielong", *file.relative_to(SOURCE).parts[:-1])
    found = []
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.Import):
            found += [(alias.name, node) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found += [(f"{module}.{alias.name}" if not node.module else module, node) for alias in node.names]
    return found


def for_type_checkers(file: Path) -> set[int]:
    """The statements beneath `if TYPE_CHECKING:`."""
    blocks = [n for n in parsed(file).body if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING"]
    return {id(node) for block in blocks for node in ast.walk(block)}


def test_rooms_import_leftwards_and_sisters_never_each_other():
    wrong = []
    for file in FILES:
        room = room_of(file)
        for module, node in imported(file):
            if room in NAME_TYPES_ABOVE and id(node) in for_type_checkers(file):
                continue
            parts = module.split(".")
            if parts[0] != "jielong" or len(parts) < 2 or parts[1] in ("__version__", "__all__", room):
                continue
            if LEVEL[parts[1]] > LEVEL[room] or (parts[1] in SISTERS and room in SISTERS):
                wrong.append(f"{name_of(file)} imports {module}")
    assert not wrong


def module_of(file: Path) -> str:
    return ".".join(("jielong", *file.relative_to(SOURCE).with_suffix("").parts)).removesuffix(".__init__")


def test_no_cycle_between_modules_not_even_by_late_imports():
    modules = {module_of(file) for file in FILES}
    graph: dict[str, set[str]] = {}
    for file in FILES:
        names = {
            name
            for module, node in imported(file)
            if id(node) not in for_type_checkers(file)
            for name in (module, *(f"{module}.{alias.name}" for alias in getattr(node, "names", ())))
        }
        graph[module_of(file)] = names & modules - {module_of(file)}
    done: set[str] = set()

    def visit(module: str, above: tuple[str, ...]) -> None:
        assert module not in above, f"cycle: {' → '.join([*above, module])}"
        if module not in done:
            for other in graph[module]:
                visit(other, (*above, module))
            done.add(module)

    for module in graph:
        visit(module, ())


def test_no_file_is_long_and_none_is_called_utils():
    assert [name_of(f) for f in FILES if len(f.read_text("utf-8").splitlines()) > 400] == []
    assert [name_of(f) for f in FILES if f.stem in ("utils", "helpers", "common", "misc")] == []


LONG_FUNCTIONS: set[tuple[str, str]] = set()


def test_no_function_is_longer_than_a_screen():
    long = {
        (name_of(file), node.name)
        for file in FILES
        for node in ast.walk(parsed(file))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (node.end_lineno or 0) - node.lineno + 1 > 60
    }
    assert long <= LONG_FUNCTIONS


def test_every_file_says_what_it_is_for():
    assert [name_of(f) for f in FILES if not ast.get_docstring(parsed(f))] == []


def test_public_signatures_have_no_kwargs():
    allowed = {
        ("technique.py", "__call__"),
        ("recipe.py", "__call__"),
        ("cli/messages/__init__.py", "localized"),
        *(("world/vocabulary.py", name) for name in ("sentence", "phrase", "fill_form")),
        ("contract.py", "with_sampling"),
        ("sandbox/inside/judged_program.py", "__call__"),  # stand for functions with any signature
        ("sandbox/inside/test_runner.py", "__call__"),
    }
    wrong = []
    for file in FILES:
        for node in ast.walk(parsed(file)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.args.kwarg:
                public = not node.name.startswith("_") or node.name == "__call__"
                if public and (name_of(file), node.name) not in allowed:
                    wrong.append(f"{name_of(file)}: {node.name}")
    assert not wrong


def test_imports_inside_functions_are_of_heavy_libraries_by_their_owners():
    wrong = []
    for file in FILES:
        tree = parsed(file)
        top = {id(node) for node in tree.body}
        checked = {id(n) for body in tree.body if isinstance(body, ast.If) for n in ast.walk(body)}
        for module, node in imported(file):
            first = module.split(".")[0]
            if id(node) in top or id(node) in checked or first == "jielong":
                continue
            if name_of(file) not in HEAVY_OWNERS.get(first, set()):
                wrong.append(f"{name_of(file)} imports {module} inside a function")
    assert not wrong


def test_nothing_is_evaluated_or_unpickled():
    """But inside the sandbox, for which `marshal` writes what runs there."""
    wrong = []
    for file in FILES:
        if name_of(file).startswith("sandbox/inside/"):
            continue
        for node in ast.walk(parsed(file)):
            called = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
            if called in ("eval", "exec", "__import__"):
                wrong.append(f"{name_of(file)} calls {called}")
            if isinstance(node, ast.Attribute) and ast.unparse(node) in ("marshal.load", "marshal.loads"):
                wrong.append(f"{name_of(file)} reads marshal")
        wrong += [f"{name_of(file)} imports {m}" for m, _ in imported(file) if m in ("pickle", "shelve", "dill")]
    assert not wrong


READ_ELSEWHERE = {  # what this program wrote itself, and what comes with it
    "bounded_json.py": {"json.loads", "json.JSONDecoder", "ast.literal_eval", "json.detect_encoding"},
    "killable_worker.py": {"json.loads"},
    "installation.py": {"json.loads"},
    "tasks/mini_tasks.py": {"json.loads"},
    "models/mini/tokenizer.py": {"json.loads"},
    "answers/json_answer.py": {"_json.JSONDecoder"},  # its numbers are read in another way, by read_json_at
    "models/openai/calls_in_text.py": {"ast.literal_eval"},  # of nodes of a tree that it parsed
    "techniques/tools/text_protocol.py": {"ast.literal_eval"},
    "techniques/feedback.py": {"ast.literal_eval"},
}
READERS = {"loads", "load", "JSONDecoder", "literal_eval", "raw_decode"}


def test_what_others_wrote_as_json_is_read_by_bounded_json_alone():
    wrong = []
    for file in FILES:
        for node in ast.walk(parsed(file)):
            if isinstance(node, ast.Attribute) and node.attr in READERS and isinstance(node.value, ast.Name):
                name = f"{node.value.id}.{node.attr}"
                allowed = READ_ELSEWHERE.get(name_of(file), set())
                if node.value.id in ("json", "_json", "ast") and name not in allowed:
                    wrong.append(f"{name_of(file)} uses {name}")
    assert not wrong


def test_recipe_table_is_the_decorated_functions():
    decorated = {}
    for file in FILES:
        for node in parsed(file).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                names = {ast.unparse(d).split("(")[0] for d in node.decorator_list}
                if names & {"adds_input", "adds_output"}:
                    module = ".".join(("jielong", *file.relative_to(SOURCE).with_suffix("").parts))
                    decorated[node.name] = f"{module}:{node.name}"
    assert {n: w for n, w in BUILT_IN["techniques"].items() if n != "budget"} == decorated


def test_no_room_has_the_name_of_a_public_function():
    rooms = {f.name for f in SOURCE.iterdir() if f.is_dir()}
    assert not rooms & {*jielong.__all__, *BUILT_IN["techniques"]}


def test_every_public_name_is_there_and_the_type_checker_sees_the_same():
    for name in jielong.__all__:
        assert getattr(jielong, name) is not None
    tree = ast.parse((SOURCE / "__init__.py").read_text("utf-8"))
    seen = {a.asname for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) for a in n.names if a.asname}
    assert seen == set(jielong.__all__) - {"__version__"}


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_jielong_loads_nothing_heavy():
    loaded = python("import sys, jielong; print(*sys.modules)").split()
    assert not {"torch", "numpy", "scipy", "aiohttp", "anyio", "pydantic", "rich", "click"} & set(loaded)


def test_help_loads_nothing_heavy():
    code = "import sys; sys.argv = ['jielong', '--help']\ntry:\n import jielong.__main__ as m; m.main()\n"
    loaded = python(code + "except SystemExit: pass\nprint(*sys.modules)").split()
    assert not {"torch", "numpy", "scipy", "aiohttp", "anyio", "pydantic", "transformers"} & set(loaded)


@pytest.mark.parametrize("blocked", [("fcntl", "resource", "pwd", "grp", "termios")])
def test_everything_imports_where_unix_modules_are_missing(blocked: tuple[str, ...]):
    modules = [".".join(("jielong", *f.relative_to(SOURCE).with_suffix("").parts)) for f in FILES]
    trains = [m for m in modules if m.startswith("jielong.training")]
    sends = (
        []
        if find_spec("opentelemetry") and find_spec("opentelemetry.sdk")
        else ["jielong.runtime.telemetry.otlp_export", "jielong.runtime.telemetry.spans"]
    )
    trained = find_spec("torch") and find_spec("peft")
    ours = [m for m in modules if "__main__" not in m and (trained or m not in trains) and m not in sends]
    code = f"""
import importlib, sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name in {blocked!r} and sys._getframe(1).f_globals.get("__name__", "").startswith("jielong"):
            raise ImportError(name)
import asyncio, subprocess, anyio, aiohttp, tempfile, rich.console
if {bool(trained)}: import peft; from transformers import LlamaForCausalLM
for name in {blocked!r}: sys.modules[name] = None
for name in {ours!r}: importlib.import_module(name)
"""
    python(code)
