"""A second reading of mini's world: knows sentences of English and Chinese, and nothing of the generator's code."""

import itertools
import re
from fractions import Fraction


def sentences(text: str) -> list[str]:
    return [s for s in re.findall(r"[^.。?？]+[.。?？]", text.replace(". ", ".").replace("\n", "")) if s.strip()]


def makes_24(numbers: list[Fraction], target: Fraction = Fraction(24)) -> bool:
    """Whether + - * / in any order reach the target, fractions and negative numbers allowed."""
    if len(numbers) == 1:
        return numbers[0] == target
    for i, a in enumerate(numbers):
        for j, b in enumerate(numbers):
            if i != j:
                rest = [n for k, n in enumerate(numbers) if k not in (i, j)]
                results = [a + b, a - b, a * b] + ([a / b] if b else [])
                if any(makes_24([*rest, r], target) for r in results):
                    return True
    return False


def continues(examples: list[tuple[str, str]], question: str, groups: list[list[str]]) -> set[str]:
    """Every answer that some simple operation gives which fits all the examples."""
    found: set[str] = set()
    if question.isdecimal():
        pairs = [(int(a), int(b)) for a, b in examples]
        if len({b - a for a, b in pairs}) == 1:
            found.add(str(int(question) + pairs[0][1] - pairs[0][0]))
        if len({Fraction(b, a) for a, b in pairs}) == 1:
            found.add(str(int(question) * pairs[0][1] // pairs[0][0]))
        return found
    operations = list(_of_two_numbers()) if re.fullmatch(r"\d+ \S \d+", question) else list(_of_words(examples[0]))
    found |= {operation(question) for operation in operations if all(operation(a) == b for a, b in examples)}
    labels: dict[int, set[str]] = {}
    for a, b in examples:
        for number, group in enumerate(groups):
            if a in group and a not in b:  # what holds the word itself is no name for its group
                labels.setdefault(number, set()).add(b)
    for number, group in enumerate(groups):
        if question in group and number in labels:
            found |= labels[number]
    return found


def _of_two_numbers():
    def on_numbers(work):
        return lambda q: str(work(int(q.split()[0]), int(q.split()[2])))

    def on_digits(work):
        return lambda q: work(q.split()[0], q.split()[2])

    yield from (on_numbers(work) for work in (lambda a, b: a + b, lambda a, b: abs(a - b), lambda a, b: a * b))
    yield from (on_numbers(work) for work in (max, min, lambda a, b: a + b + 1))
    yield from (on_digits(work) for work in (lambda a, b: a, lambda a, b: b, lambda a, b: a + b, lambda a, b: b + a))


def _of_words(first):
    """Every choice of up to three of the words in some order; a word that always goes before or after."""
    places = (0, 1, 2)
    for chosen in itertools.chain.from_iterable(itertools.product(places, repeat=n) for n in (1, 2, 3)):
        yield lambda q, chosen=chosen: " ".join((q.split() * 3)[i] for i in chosen) if q.count(" ") == 2 else ""
    if first[1].endswith(f" {first[0]}"):
        yield lambda q: first[1].removesuffix(first[0]) + q
    if first[1].startswith(f"{first[0]} "):
        yield lambda q: q + first[1].removeprefix(first[0])
