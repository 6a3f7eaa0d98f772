"""The program of a reply: the block that is the answer among usage examples, tests, helpers and output."""

import ast
import re
import textwrap

from .fenced_blocks import fenced
from .thoughts import without_thoughts

_OTHER_LANGUAGES = {"bash", "sh", "shell", "console", "text", "txt", "output", "json", "markdown", "md", "yaml", "toml"}
_STATEMENT = re.compile(
    r"[ \t]*(?:(?:async )?def \w+\s?\(|class \w+\s?[:(]|return\b(?! to\b)|@\w+|print\("
    r"|import \w+(?:\.\w+)*(?: as \w+)?(?:,|$)|from [\w.]+ import "
    r"|(?:for|while|if|elif|with|try|else|except)\b[^\n]{0,200}:[ \t]*(?:#.*)?$"
    r"|[A-Za-z_][\w.\[\]]{0,60}\s?[-+*/]?=[^=])"
)


def code(text: str, /, entry_point: str | None = None) -> str | None:
    """The fenced block that defines `entry_point`, or the last one that defines anything, with the helpers that it uses
    from other blocks; else the last program, else the part of the reply that is one.

    Usage examples, tests and interpreter sessions are passed over, and so is a block of another kind (shell, output,
    JSON; one without a language after one with), while there is a program. A last block that never closes counts if
    there is no other: what was cut off has `finish` "length". The indentation of its first line is kept.
    """
    readable = without_thoughts(text) or ""
    if inline := re.fullmatch(r"\s{0,9}`{1,3}(?!`)([^`\n]{1,2000})`{1,3}\s{0,9}", readable[:2100]):
        return inline[1].strip() or None
    blocks = fenced(readable)
    usable = [b for b in blocks if b.closed and b.text.strip()]
    if not usable and blocks and (bare := _bare_code(readable.partition("```")[0])):
        return bare  # the closing fence alone: the opening one was in the prompt
    usable = usable or [b for b in blocks if b.text.strip()]
    named = [b.text for b in usable if b.language and b.language not in _OTHER_LANGUAGES]
    programs = named or [b.text for b in usable if not b.language] or [b.text for b in usable]
    if programs:
        return _trimmed(_with_helpers([_trimmed(p) for p in programs], entry_point))
    return None if blocks else _bare_code(readable)


def _with_helpers(programs: list[str], entry_point: str | None) -> str:
    """The program that is the answer, behind the other ones whose names it uses and does not define."""
    defined = [_defined(program) for program in programs]
    wanted = [i for i, names in enumerate(defined) if entry_point in names]
    wanted = wanted or [i for i, names in enumerate(defined) if any(not _TEST.match(name) for name in names)]
    answer = wanted[-1] if wanted else len(programs) - 1
    needed, own, parts = _used(programs[answer]), set(defined[answer]), [programs[answer]]
    for i in [*range(answer - 1, -1, -1), *range(answer + 1, len(programs))]:
        given = defined[i] | _imported(programs[i])
        if wanted and given & (needed - own) and not defined[i] & own:
            parts.insert(0, programs[i])
            needed, own = needed | _used(programs[i]), own | given
    return "\n\n".join(parts)


_TEST = re.compile(r"test|Test|main$|example|demo")


def _tree(program: str) -> ast.Module | None:
    if "\\" in program:  # an escape that Python does not know warns
        program = program.replace("\\", "")
    try:
        return ast.parse(textwrap.dedent(program))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _defined(program: str) -> set[str]:
    """The functions and classes at its top level, lambdas included."""
    if (tree := _tree(program)) is None:
        return set(re.findall(r"^(?:async def|def|class) (\w+)", program, re.M))
    names = {n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
    lambdas = [n.targets for n in tree.body if isinstance(n, ast.Assign) and isinstance(n.value, ast.Lambda)]
    return names | {name.id for targets in lambdas for name in targets if isinstance(name, ast.Name)}


def _imported(program: str) -> set[str]:
    """The modules and constants that its top level makes known."""
    body = tree.body if (tree := _tree(program)) else []
    aliases = [alias for n in body if isinstance(n, ast.Import | ast.ImportFrom) for alias in n.names]
    targets = [target for n in body if isinstance(n, ast.Assign) for target in n.targets]
    return {(alias.asname or alias.name).partition(".")[0] for alias in aliases} | {
        target.id for target in targets if isinstance(target, ast.Name)
    }


def _used(program: str) -> set[str]:
    tree = _tree(program)
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} if tree else set()


def _trimmed(program: str) -> str:
    return re.sub(r"\A(?:[ \t]*\n)+", "", program).rstrip()


def _bare_code(readable: str) -> str | None:
    """From the first line that is a statement to the last that is one or stands indented."""
    expression = readable.strip()
    if len(expression) <= 1000 and "\n" not in expression and _is_expression(expression):
        return expression
    lines = readable.splitlines()
    code_lines = [i for i, line in enumerate(lines) if _STATEMENT.match(line)]
    if not code_lines:
        return None
    last = max(i for i, line in enumerate(lines) if _STATEMENT.match(line) or (line[:1] in " \t" and line.strip()))
    return _trimmed("\n".join(lines[code_lines[0] : max(last, code_lines[0]) + 1])) or None


_WARNED = re.compile(r"\\|\d(?!\d|[eE][-+]?\d|[xX][\dA-Fa-f]+\b)[A-Za-z]")  # `1or 2`: parsing it would warn


def _is_expression(text: str) -> bool:
    if _WARNED.search(text):
        return False
    try:
        parsed = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    is_text = isinstance(parsed, ast.Constant) and isinstance(parsed.value, str)
    return not is_text and not isinstance(parsed, ast.Name | ast.Tuple)
