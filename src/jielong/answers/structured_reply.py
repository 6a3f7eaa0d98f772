"""The answer field of a reply that is a JSON object: `{"reasoning": "…", "answer": 42}` answers 42."""

import re

from ..bounded_json import read_json_at

_ANSWER = re.compile(
    r"(?:final|correct|my|the)?[_ ]?(?:answer|result|label|choice|class|category|prediction|verdict|output"
    r"|value|option)"
    r"|(?:最终)?(?:答案|结果|标签|类别|分类|选项|判断|结论)",
    re.I,
)
_ABOUT_IT = re.compile(  # says how the answer came about
    r"reason\w*|expla\w*|steps?|thoughts?|thinking|analysis|rationale|why|notes?|comments?|confidence|score|probability"
    r"|evidence|id|language|question|理由|原因|解释|分析|步骤|思路|过程|依据|置信度|备注",
    re.I,
)
_OBJECT = re.compile(r"\{(?=\s{0,200}[\"}])")
_FENCE = re.compile(r"```(?:json)?\s*")


def answer_field(text: str) -> str | None:
    """What a reply that begins or ends with a JSON object says in it; None where it is none, or no field is the answer.

    The field is the one that is named as an answer is, else the only one that is no explanation.
    """
    bare = text.strip().removesuffix("```").strip()
    opening = _FENCE.match(bare)
    start = opening.end() if opening else 0
    if not bare[start:].startswith("{") and not bare.endswith("}"):
        return None
    for at in [match.start() for match in _OBJECT.finditer(bare)][:20]:
        try:
            fields, end = read_json_at(bare, at)
        except ValueError:
            continue
        if isinstance(fields, dict) and (at == start or end == len(bare)):
            return _meant(fields)
    return None


def _meant(fields: dict[str, object]) -> str | None:
    named = [value for name, value in fields.items() if _ANSWER.fullmatch(name.strip())]
    plain = [
        value
        for name, value in fields.items()
        if isinstance(value, str | int | float | bool) and not _ABOUT_IT.fullmatch(name.strip())
    ]
    return _text(named[-1]) if named else _text(plain[0]) if len(plain) == 1 else None


def _text(value: object) -> str | None:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and not any(isinstance(one, list | dict) for one in value):
        return ", ".join(str(one) for one in value)
    return None if isinstance(value, dict | list) else "" if value is None else str(value)
