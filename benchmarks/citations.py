"""Planted alterations in the quotations and statements of a reply, and honest ones: how many are marked.

The sources are paragraphs of XQuAD, English and Chinese, five at a time. A reply quotes a stretch of one of them in
one of several ways of writing and cites it. Planted: another number, another name, a negation put in or left out, the
number of another source. Honest: other quotation marks, spaces, hyphens, width, markup, an ellipsis. The same without
quotation marks, and short answers to XQuAD's own questions, are beside.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common import ROOT, write

from jielong.documents.document import Chunk
from jielong.techniques.citations import CheckedCitations, check_citations

FRAMES = {
    "en": ["The text says: “{q}” [{n}].", 'According to [{n}], "{q}".', 'It is stated that "{q}."[{n}] So much.',
           "> {q}\n\nThis is from [{n}].", "«{q}» [{n}].", "- One source has ‘{q}’ 【{n}】, the others not.",
           "**Answer**: “{q}” (see [{n}])."],
    "zh": ["资料指出：“{q}”[{n}]。", "「{q}」【{n}】", "根据[{n}]，“{q}”。", "文中写道：“{q}。”[{n}]其余略。",
           "> {q}\n\n出自资料[{n}]。", "『{q}』［{n}］，如上。"],
}  # fmt: skip
PLAIN = {
    "en": ["As it happens, {q} [{n}].", "{q}.[{n}]", "- {q} [{n}]"],
    "zh": ["{q}[{n}]。", "可以看到，{q}[{n}]。", "- {q}【{n}】"],
}
HAN = "\u4e00-\u9fff"
KINDS = ("number", "name", "negation", "source")


@dataclass(frozen=True)
class Paragraph:
    text: str
    answers: tuple[tuple[str, str], ...]  # questions with their answers


def paragraphs(language: str, data: Path) -> list[Paragraph]:
    articles = json.loads((data / "xquad" / f"xquad.{language}.json").read_text("utf-8"))["data"]
    return [
        Paragraph(p["context"], tuple((q["question"], q["answers"][0]["text"]) for q in p["qas"]))
        for article in articles
        for p in article["paragraphs"]
    ]


def stretch(rng: random.Random, text: str, language: str) -> str | None:
    """A clause or a sentence of it."""
    pieces = re.split(r"(?<=[.!?;])\s+|(?<=,)\s+" if language == "en" else r"[。！？；，]", text)
    sizes = (lambda s: 6 <= len(s.split()) <= 30) if language == "en" else (lambda s: 10 <= len(s) <= 60)
    fitting = [p.strip(" ,.;!?。") for p in pieces if sizes(p) and not re.search(r"[\"“”「『»«‘]", p)]
    return rng.choice(fitting) if fitting else None


# ---- alterations: None where this stretch has nothing of the kind ----


def other_number(rng: random.Random, q: str, world: list[Paragraph], language: str) -> str | None:
    numbers = list(re.finditer(r"\d+", q))
    if not numbers:
        return None
    chosen = rng.choice(numbers)
    digits = list(chosen[0])
    place = rng.randrange(len(digits))
    digits[place] = rng.choice([d for d in "123456789" if d != digits[place]])
    return q[: chosen.start()] + "".join(digits) + q[chosen.end() :]


def other_name(rng: random.Random, q: str, world: list[Paragraph], language: str) -> str | None:
    def names(p: Paragraph) -> list[str]:
        if language == "zh":
            return [a for _, a in p.answers if 2 <= len(a) <= 8 and not re.search(r"\d", a)]
        return [a for _, a in p.answers if re.fullmatch(r"[A-Z]\w+(?: [A-Z]\w+){0,2}", a)]

    own = [name for p in world for name in names(p) if name in q]
    if not own:
        return None
    name = rng.choice(own)
    others = [other for p in world for other in names(p) if other not in q and name not in other]
    return q.replace(name, rng.choice(others), 1)


def negated(rng: random.Random, q: str, world: list[Paragraph], language: str) -> str | None:
    if language == "zh":
        if found := list(re.finditer(r"没有|不(?=[是能会可])", q)):
            chosen = rng.choice(found)
            return q[: chosen.start()] + q[chosen.end() :]
        verbs = list(re.finditer(r"(?<![不没])(?:是|有|能|会|可以)(?!名|限|关|效|时|力|议|员|机|趣|些|的)", q))
        if not verbs:
            return None
        chosen = rng.choice(verbs)
        return q[: chosen.start()] + ("没" if chosen[0] == "有" else "不") + q[chosen.start() :]
    if found := list(re.finditer(r"\b(?:not|never|no) ", q)):
        chosen = rng.choice(found)
        return q[: chosen.start()] + q[chosen.end() :]
    verbs = list(re.finditer(r"\b(?:is|was|are|were|has|had|can|could|will|would|may|must)\b", q))
    if not verbs:
        return None
    chosen = rng.choice(verbs)
    return q[: chosen.end()] + rng.choice([" not", " never"]) + q[chosen.end() :]


ALTER: dict[str, Callable[[random.Random, str, list[Paragraph], str], str | None]] = {
    "number": other_number, "name": other_name, "negation": negated, "source": lambda rng, q, world, language: q,
}  # fmt: skip


# ---- honest ways of writing ----

HONEST: dict[str, Callable[[random.Random, str], str]] = {
    "as it is": lambda rng, q: q,
    "spaces": lambda rng, q: re.sub(" ", lambda _: rng.choice(["  ", "\u00a0", "\u202f", " ", "\n"]), q),
    "hyphens": lambda rng, q: re.sub("[-–—]", lambda _: rng.choice(["‑", "–", "—", "-\n"]), q),
    "width": lambda rng, q: "".join(chr(ord(c) + 0xFEE0) if c.isascii() and c.isalnum() else c for c in q),
    "quotes and apostrophes": lambda rng, q: q.replace("'", "’").replace('"', "'"),
    "markup": lambda rng, q: re.sub(r"^(\W*)(\w+)", r"\1**\2**", q),
    "decomposed": lambda rng, q: unicodedata.normalize("NFD", q),
    "soft hyphens": lambda rng, q: q[: len(q) // 2] + "\u00ad\u200b" + q[len(q) // 2 :],
    "capital": lambda rng, q: q[0].upper() + q[1:],
    "comma inside": lambda rng, q: q + rng.choice([",", ".", "，"]),
    "ellipsis": lambda rng, q: cut(rng, q),
    "spaces around digits": lambda rng, q: re.sub(f"(?<=[{HAN}])(?=[0-9A-Za-z])|(?<=[0-9A-Za-z])(?=[{HAN}])", " ", q),
    "half-width punctuation": lambda rng, q: q.translate(str.maketrans("，（）、", ",(),")),
}  # fmt: skip


def cut(rng: random.Random, q: str) -> str:
    """Some words of the middle left out, and said so."""
    separator = " " if " " in q else ""
    words = q.split(" ") if separator else list(q)
    if len(words) < 8 or re.search(r"[\d:]|\b(?:not|no|never)\b|[不没未]", q):
        return q
    first, last = len(words) // 3, len(words) // 2
    return separator.join([*words[:first], rng.choice(["…", "...", "[…]", "[...]"]), *words[last:]])


# ---- the measurement ----


@dataclass(frozen=True)
class Trial:
    language: str
    kind: str
    reply: str
    n: int
    chunks: tuple[Chunk, ...]

    def checked(self) -> CheckedCitations:
        return check_citations(self.reply, self.chunks)


def trial(rng: random.Random, world: list[Paragraph], language: str, kind: str, frames: dict[str, list[str]]) -> Trial:
    while True:
        shown = rng.sample(world, 5)
        chunks = tuple(Chunk(f"{i}.txt", 0, len(p.text), p.text) for i, p in enumerate(shown))
        n = rng.randint(1, 5)
        q = stretch(rng, shown[n - 1].text, language)
        if q is None:
            continue
        if kind in ALTER:
            altered = ALTER[kind](rng, q, world, language)
            # An alteration must alter: what another place of the source says as well is no alteration.
            if altered is None or (kind != "source" and altered in shown[n - 1].text):
                continue
            q = altered
        else:
            q = HONEST[kind](rng, q)
        cited = rng.choice([i for i in range(1, 6) if i != n]) if kind == "source" else n
        return Trial(language, kind, rng.choice(frames[language]).format(q=q, n=cited), cited, chunks)


def rates(trials: list[Trial], right: Callable[[Trial, CheckedCitations], bool], show: bool) -> dict[str, Any]:
    done: Counter[tuple[str, str]] = Counter()
    good: Counter[tuple[str, str]] = Counter()
    for each in trials:
        checked = each.checked()
        for key in ((each.language, each.kind), ("all", "all")):
            done[key] += 1
            good[key] += right(each, checked)
        if show and not right(each, checked):
            print(f"--- {each.language} {each.kind}\n{each.reply}\n{checked.problems}")
    return {" ".join(key): [good[key], done[key]] for key in done}


def marked(each: Trial, checked: CheckedCitations) -> bool:
    return bool(checked.problems) and all(source.number != each.n for source in checked.sources)


def accepted(each: Trial, checked: CheckedCitations) -> bool:
    return not checked.problems and any(source.number == each.n for source in checked.sources)


def short_answers(rng: random.Random, worlds: dict[str, list[Paragraph]], show: bool) -> dict[str, Any]:
    """XQuAD's own answers cited rightly, and for another paragraph, which does not hold them."""
    figures = {}
    for language, world in worlds.items():
        right = wrong = n_right = n_wrong = 0
        for paragraph in world:
            for question, answer in paragraph.answers:
                others = rng.sample([p for p in world if p is not paragraph], 4)
                chunks = [Chunk(f"{i}", 0, len(p.text), p.text) for i, p in enumerate([paragraph, *others])]
                checked = check_citations(f"{answer} [1].", chunks, question)
                n_right += 1
                right += not checked.problems
                if show and checked.problems:
                    print("--- answer", question, "|", answer, checked.problems)
                if answer.casefold() not in others[0].text.casefold():
                    n_wrong += 1
                    wrong += bool(check_citations(f"{answer} [2].", chunks, question).problems)
        figures[language] = {"accepted": [right, n_right], "other source marked": [wrong, n_wrong]}
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT / "../shared/data")
    parser.add_argument("--each", type=int, default=25, help="alterations of each kind and language")
    parser.add_argument("--honest", type=int, default=20, help="honest quotations of each kind and language")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", action="store_true", help="print what was judged wrongly")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    worlds = {language: paragraphs(language, options.data) for language in ("en", "zh")}
    planted, plain, honest, honest_plain = [], [], [], []
    for language, world in worlds.items():
        for kind in KINDS:
            planted += [trial(rng, world, language, kind, FRAMES) for _ in range(options.each)]
            plain += [trial(rng, world, language, kind, PLAIN) for _ in range(options.each)]
        for kind in HONEST:
            honest += [trial(rng, world, language, kind, FRAMES) for _ in range(options.honest)]
            if kind != "ellipsis":
                honest_plain += [trial(rng, world, language, kind, PLAIN) for _ in range(options.honest)]
    figures = {
        "seed": options.seed,
        "planted in quotations, marked": rates(planted, marked, options.show),
        "honest quotations, accepted": rates(honest, accepted, options.show),
        "planted without quotation marks, marked": rates(plain, marked, options.show),
        "honest without quotation marks, accepted": rates(honest_plain, accepted, options.show),
        "short answers": short_answers(rng, worlds, options.show),
    }
    write("citations", figures)


if __name__ == "__main__":
    main()
