"""What texts tell of: names, words of wide lists, invented words, numbers, times and prices, as people write them.

A tenth of the words is kept from training. Some values stand in no list, so that they can only be copied from the text.
"""

from dataclasses import dataclass
from functools import cache

from ..prompts import Language
from .grammar import grammar
from .names import split_bucket
from .vocabulary import SampleRandom

_STARTS = tuple("b br c ch d dr f fl g gr h j k kl l m n p pr qu r s sh sk st t th tr v w y z".split())
NO_NAMES = frozenset(
    "shit fuck dick cock cunt piss slut twat "
    "she he it her him his me my we you the who no so to do go be say see may are our here there".split()
)
_MIDDLES = ("a", "e", "i", "o", "u", "ai", "ea", "ee", "oo", "ou", "io", "ay")
_ENDS = ("", "", "", "n", "r", "l", "s", "t", "m", "x", "ck", "nd", "rt", "sh", "ll")


@dataclass(frozen=True)
class Individual:
    """Somebody or something that a text is about. `she` chooses between the pronouns of a person."""

    kind: str
    text: str
    she: bool = False


@cache
def words(language: Language, rule: str, held_out: bool) -> tuple[str, ...]:
    """The words of a list that training may use; for exams all of them, and those kept from training twice as often."""
    every = grammar(language)[rule]
    kept = tuple(word for word in every if split_bucket("word", word) == 0)
    if held_out:
        return every + kept * max(1, len(every) // max(1, len(kept)))
    return tuple(word for word in every if word not in kept)


def word(rng: SampleRandom, rule: str) -> str:
    return rng.choice(words(rng.language, rule, rng.held_out))


def invented_word(rng: SampleRandom) -> str:
    """A word that is in no list, from this side of the split."""
    while True:
        if rng.language == "zh":
            text = "".join(rng.sample(_signs(), rng.choice((2, 2, 3))))
        else:
            parts = (rng.choice(part) for _ in range(rng.choice((1, 2, 2, 2))) for part in (_STARTS, _MIDDLES, _ENDS))
            text = "".join(parts)
        if len(text) > 1 and text not in NO_NAMES and (split_bucket("word", text) == 0) == rng.held_out:
            return text


@cache
def _signs() -> tuple[str, ...]:
    rules = grammar("zh")
    every = "".join("".join(rules[rule]) for rule in ("word_she", "word_he", "word_place", "word_shop_name"))
    return tuple(dict.fromkeys(sign for sign in every if "\u3400" <= sign <= "\u9fff"))


def person(rng: SampleRandom, she: bool | None = None) -> Individual:
    """Somebody; a woman or a man where `she` says so."""
    she = rng.chance(0.5) if she is None else she
    source = rng.random()
    if source < 0.45:
        return Individual("person", word(rng, "word_she" if she else "word_he"), she)
    if source < 0.8:
        return Individual("person", rng.name().text(rng.language), she)
    return Individual("person", invented_word(rng).capitalize(), she)


def place(rng: SampleRandom, rule: str = "word_place") -> str:
    source = rng.random()
    if source < 0.45:
        return word(rng, rule)
    return rng.name().text(rng.language) if source < 0.8 else invented_word(rng).capitalize()


def thing(rng: SampleRandom) -> Individual:
    noun, kind = word(rng, "word_thing"), word(rng, "word_thing_kind")
    if rng.language == "en":
        owner = rng.random()
        if owner < 0.25:
            return Individual("thing", f"the {place(rng)} {noun}")
        return Individual("thing", f"the {kind} {noun}" if owner < 0.8 else f"the {noun}")
    with_measure, bare = noun, noun[1:]
    if rng.chance(0.3):
        return Individual("thing", f"{place(rng)}{bare}")
    return Individual("thing", f"那{with_measure[0]}{kind}{bare}" if rng.chance(0.7) else f"那{with_measure}")


def shop(rng: SampleRandom) -> Individual:
    noun = word(rng, "word_shop")
    if rng.language == "zh":
        name = word(rng, "word_shop_name") if rng.chance(0.5) else place(rng)
        return Individual("shop", f"{name}{noun}")
    if rng.chance(0.4):
        return Individual("shop", f"{word(rng, 'word_shop_name')}")
    return Individual("shop", f"the {noun} {place(rng)}" if rng.chance(0.5) else f"the {noun} in {place(rng)}")


def individual(rng: SampleRandom, kind: str) -> Individual:
    if kind == "town":
        return Individual("town", place(rng))
    return {"person": person, "thing": thing, "shop": shop}[kind](rng)


# ---- numbers, times, prices ----


def number(rng: SampleRandom, low: int, high: int) -> str:
    return str(rng.randint(low, high))


def small_count(rng: SampleRandom) -> str:
    n = rng.randint(2, 9)
    if rng.chance(0.5):
        return str(n)
    return "零一两三四五六七八九"[n] if rng.language == "zh" else COUNT_WORDS[n]


COUNT_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def clock_time(rng: SampleRandom, first: int, last: int) -> str:
    """Between two hours of the day; written out only before noon."""
    hour, minute = rng.randint(first, last), rng.choice((0, 0, 5, 10, 15, 20, 30, 30, 40, 45, 50))
    if last <= 12 and rng.chance(0.3):
        return word(rng, "word_time_name")
    if rng.language == "zh":
        part = ("早上" if hour < 12 else "下午" if hour < 18 else "晚上") if rng.chance(0.4) else ""
        hour = hour - 12 if part and hour > 12 else hour
        if rng.chance(0.4):
            return f"{part}{hour}点" if minute == 0 else f"{part}{hour}点{minute}分"
        return f"{part}{hour}:{minute:02}"
    if rng.chance(0.4):
        half = "am" if hour < 12 else "pm"
        hour = hour - 12 if hour > 12 else hour
        return f"{hour} {half}" if minute == 0 else f"{hour}:{minute:02} {half}"
    return f"{hour}:{minute:02}"


def date(rng: SampleRandom) -> str:
    month, day = rng.choice(grammar(rng.language)["word_month"]), rng.randint(1, 28)
    if rng.language == "zh":
        return f"{month}{day}{rng.choice('日号')}"
    return f"{month} {day}" if rng.chance(0.5) else f"{day} {month}"


def price(rng: SampleRandom) -> str:
    amount, cents = rng.randint(2, 400), rng.choice((0, 0, 5, 20, 50, 75, 90, 99))
    if rng.language == "zh":
        return f"{amount}{rng.choice(('元', '元', '块', '块钱', '枚硬币'))}"
    return rng.choice(
        (f"{amount} coins", f"{amount} euros", f"{amount} dollars", f"${amount}", f"${amount}.{cents:02}")
    )


def weight(rng: SampleRandom) -> str:
    unit = rng.choice(("公斤", "克", "斤") if rng.language == "zh" else (" kilos", " grams", " pounds"))
    return f"{rng.randint(2, 900)}{unit}"


def population(rng: SampleRandom) -> str:
    size = rng.choice((rng.randint(40, 999), rng.randint(10, 99) * 100, rng.randint(1000, 99999)))
    if rng.language == "zh":
        return f"{size // 10000}万" if size >= 10000 and rng.chance(0.5) else str(size)
    return f"{size:,}" if rng.chance(0.5) else str(size)


def phone(rng: SampleRandom) -> str:
    kind = rng.randrange(3)
    if kind == 0:
        return f"555-{rng.randint(1000, 9999)}"
    return f"{rng.randint(100, 999)} {rng.randint(100, 999)}" if kind == 1 else str(rng.randint(10**5, 10**7))
