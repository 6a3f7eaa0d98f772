"""A story as a text: its clauses become sentences, apart or joined, with the question last, first or around an "if"."""

import re

from .grammar import any_form
from .problem_stories import Story
from .vocabulary import SampleRandom, wordlists

QUESTION_FIRST_SHARE = 0.12
CONDITIONAL_SHARE = 0.07
JOINED_SHARE = 0.3
WHEN_SHARE = 0.6
OPENER_SHARE = 0.12
_COMES_FIRST = re.compile(
    r"(How many|What is|Find|Tell me|Calculate|Work out|问|求|请问|算算|请算出|告诉我|能告诉我|请告诉我|我想知道)"
)
_SPARE_SPACE = re.compile(r" (?=[ .?!,;:])")
_NEXT_SENTENCE = re.compile(r"[.?!:] [a-z]")
_HAS_ITS_TIME = re.compile(r"(soon|in the end|finally|不久|最后|后来|接着|又|再|还)")


def problem_text(rng: SampleRandom, story: Story) -> str:
    """What the user is to read, in one line."""
    text = _capital(_text(rng, story))
    if rng.language == "en":
        text = _NEXT_SENTENCE.sub(lambda match: match[0].upper(), _SPARE_SPACE.sub("", text))
    if rng.chance(OPENER_SHARE):
        text = f"{rng.sentence('opener')}{wordlists(rng.language)['words']['separator']}{text}"
    return text


def _text(rng: SampleRandom, story: Story) -> str:
    clauses = [words for _, words in story.clauses]
    if not clauses:
        return story.question
    signs = wordlists(rng.language)["sentences"]
    simple = not any(sign in clause for clause in clauses for sign in ".?,;:，。")
    leads = _COMES_FIRST.match(story.question) and story.question[-1] in "?？。." and _names_all(story)
    if leads and simple and len(clauses) <= 3 and rng.chance(CONDITIONAL_SHARE):
        return _conditional(rng, clauses, story.question, signs)
    told = _told(rng, story, signs)
    if leads and rng.chance(QUESTION_FIRST_SHARE):
        return f"{story.question}{signs['space']}{_capital(told)}"
    return f"{told}{signs['space']}{_capital(story.question)}"


def _names_all(story: Story) -> bool:
    """Whether the question can be read before the rest: it names what is counted, and is no ending of two sentences."""
    whole = story.question.count("?") + story.question.count("？") + story.question.count(".") <= 1
    return story.question_rule.startswith("ask_") and whole and story.slots["item"] in story.question


def _conditional(rng: SampleRandom, clauses: list[str], question: str, signs: dict[str, str]) -> str:
    condition = signs["and"].join(clauses)
    if rng.language == "zh" or not question.endswith("?") or rng.chance(0.5):
        return signs["if_first"].format(condition=condition, question=question[:1].lower() + question[1:])
    return f"{question[:-1]}{signs['if']}{condition}?"


def _told(rng: SampleRandom, story: Story, signs: dict[str, str]) -> str:
    """All but the question."""
    text = story.clauses[0][1]
    for number, (rule, clause) in enumerate(story.clauses[1:], 1):
        rule_before, before = story.clauses[number - 1]
        if rule.startswith("note_"):
            joint = any_form(rng, rng.language, "note_joint")
            text += joint + (_capital(clause) if joint.startswith((".", "。")) else clause)
            continue
        plain = not re.search(r"[.?;:。；]", before + clause) and "distractor" not in rule + rule_before
        if plain and "," not in before + clause and rng.chance(JOINED_SHARE):
            text += rng.choice(signs["joints"]) + clause
            continue
        when = ""
        if rule.startswith(("plus", "minus", "times", "double", "halve")) and rng.chance(WHEN_SHARE):
            when = "" if _HAS_ITS_TIME.match(clause) or " then " in clause else rng.form("when")
        text += signs["stop"] + _capital(when + clause)
    return text + signs["end"]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
