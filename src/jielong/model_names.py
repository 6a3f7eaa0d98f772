"""Names of models: what somebody may have meant by one, and whether an endpoint answered as another one.

A recipe whose kind is not known (`gpt-5-mini`, `./checkpoint`) gets proposals. They go by the form of the name (a path,
a URL, ORG/NAME, the size tag of Ollama) and by the families of names that one provider alone uses. They are words of an
error: nothing is loaded by guess, and no file is looked for, as recipes also come from clients of the server.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .errors import UnknownName
from .registry import names, unknown_name

_FAMILIES = (  # of the names, as their providers write them; open weights that anybody serves come first
    (r"gpt-oss|llama|gemma|mi[sx]tral|phi-?\d|smollm|granite|olmo|vicuna", "ollama"),
    (r"gpt|chatgpt|codex|o\d", "openai"),
    (r"claude|opus|sonnet|haiku", "anthropic"),
    (r"gemini", "gemini"),
    (r"deepseek", "deepseek"),
    (r"qwen|qwq|qvq", "qwen"),
    (r"glm|chatglm", "glm"),
    (r"kimi|moonshot", "kimi"),
    (r"doubao|seed-", "doubao"),
)
_OTHER_NAMES = {  # of the providers, as other programs call them
    "openai": "gpt chatgpt azure oai",
    "anthropic": "claude",
    "gemini": "google google-gla google-vertex vertex_ai",
    "qwen": "dashscope alibaba tongyi bailian",
    "glm": "zhipu zhipuai bigmodel zai z-ai",
    "kimi": "moonshot moonshotai",
    "doubao": "volcengine ark bytedance",
    "local": "hf huggingface transformers file path",
}
_SIZE_TAG = re.compile(r"(latest|cloud|mini|e?\d[\d.x]*[bm])\b", re.I)


_VERSION = r"(?:[-@:](?:latest|preview|\d{4}-\d\d-\d\d|\d{8}|\d{6}|\d{4}|\d{3}|v\d[\d.:]*))*"  # of one model


def is_renamed(asked: str, answered: str) -> bool:
    """Whether a reply bears the name of another model than was asked; its own with a version, a tag or another folder
    is no other one. An old id that is redirected to another version of its model is."""
    if not answered:
        return False
    asked, answered = (name.casefold().rpartition("/")[2].removesuffix(".gguf") for name in (asked, answered))
    asked = re.sub(r"[-@:](latest|free|cloud)$", "", asked)
    return re.fullmatch(re.escape(asked) + _VERSION, re.sub(r":(free|cloud)$", "", answered)) is None


def unknown_model(spec: str, what: str = "model", known: Sequence[str] | None = None) -> UnknownName:
    """The error for a model whose kind is not known, with what it may be; `known` is what else could stand there."""
    if proposals := _proposals(spec):
        hint = " or ".join(repr(proposal) for proposal in proposals)
        return UnknownName(f"unknown {what} {spec!r}; did you mean {hint}?")
    error = unknown_name(what, spec.partition(":")[0], known or names("models"))
    if "; known: " not in str(error):
        return error
    message = str(error)
    return UnknownName(message + f"; written as KIND:NAME, such as 'openai:{spec}' or 'local:{spec}'")


def _proposals(spec: str) -> list[str]:
    if re.match(r"https?://", spec):
        return [f"openai:NAME@{spec}"]
    if spec.endswith(".jsonl"):
        return [f"scripted:{spec}"]
    if re.match(r"[.~]?[/\\]|\.\.|[A-Za-z]:\\", spec):
        return [f"local:{spec}"]
    kind, colon, rest = spec.partition(":")
    if colon and _SIZE_TAG.match(rest):
        return [f"ollama:{spec}"]
    if colon:
        return [f"{known}:{rest}" for known in _known_kinds(kind)]
    owner, slash, rest = spec.partition("/")
    if slash and rest:
        return [f"{known}:{rest}" for known in _known_kinds(owner, near=False)] + [f"local:{spec}"]
    for family, known in _FAMILIES:
        if re.match(family, spec, re.I):
            return [f"{known}:{spec.lower()}"]
    return []


def _known_kinds(name: str, near: bool = True) -> list[str]:
    """The kind of model that this other name, or (`near`) this spelling, stands for; none or one."""
    from difflib import get_close_matches

    name, known = name.casefold(), names("models")
    other = [kind for kind, others in _OTHER_NAMES.items() if name in others.split()]
    return [kind for kind in known if kind == name] or other or (get_close_matches(name, known, 1) if near else [])
