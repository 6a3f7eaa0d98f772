"""In which language a text is written: by its script, and for Latin letters by its function words.

Deterministic, unlike detectors that draw samples: the same text is always in the same language. What is too short or
too mixed to tell is in none.
"""

import re
from collections import Counter

_SCRIPTS = {
    "kana": "[\u3040-\u30ff]", "han": "[\u3400-\u9fff]", "ko": "[\uac00-\ud7af\u1100-\u11ff]", "ru": "[\u0400-\u04ff]",
    "ar": "[\u0600-\u06ff]", "latin": "[A-Za-z\u00c0-\u024f]+",
}  # fmt: skip
_PATTERNS = {name: re.compile(pattern) for name, pattern in _SCRIPTS.items()}
_FUNCTION_WORDS = {
    "en": "the and of to is that it for with are this be was you have not from they by or but what when which can",
    "de": "der die das und ist nicht ein eine zu den mit von sich auf für dem es auch wie im werden sie wir aber oder",
    "fr": "le les des et est une un dans que pour qui pas sur avec ce il au plus vous nous sont du elle mais où",
    "es": "el los las y es una en que por para con no se su del al lo como más pero sus está son muy ya",
    "it": "il gli di e è una che per non con del della sono più come si anche nel alla le ma questo delle dei da",
    "pt": "os as e é uma em que para com não do da dos das um por mais como se mas são ao foi ou seu",
}
_OF_LANGUAGE = {name: frozenset(words.split()) for name, words in _FUNCTION_WORDS.items()}
_WORD = re.compile(r"[^\W\d_]+")
MOSTLY = 0.6  # of what is written is in its script: names and terms of others may stand between
CODE = re.compile(r"```.*?```|`[^`\n]*`|https?://\S+", re.S)


def written_language(text: str) -> str | None:
    """`en`, `zh`, `ja`, `ko`, `ru`, `ar`, `de`, `fr`, `es`, `it` or `pt`; None where it cannot be told."""
    prose = CODE.sub(" ", text)
    counts = {name: len(pattern.findall(prose)) for name, pattern in _PATTERNS.items()}
    japanese = counts["kana"] * 5 >= counts["han"] + counts["kana"] > 0
    together = {"ja" if japanese else "zh": counts.pop("han") + counts.pop("kana"), **counts}
    script, most = max(together.items(), key=lambda entry: entry[1])
    if most == 0 or most < MOSTLY * sum(together.values()):
        return None
    return _by_function_words(prose) if script == "latin" else script


def _by_function_words(prose: str) -> str | None:
    words = Counter(word.casefold() for word in _WORD.findall(prose))
    counts = {name: sum(words[word] for word in of) for name, of in _OF_LANGUAGE.items()}
    (first, most), (_, second) = sorted(counts.items(), key=lambda entry: -entry[1])[:2]
    return first if most > second and 12 * most >= words.total() else None
