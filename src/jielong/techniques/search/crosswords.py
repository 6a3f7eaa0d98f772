"""Crosswords in a full square as a search: a position is the words that stand, and the rules check that they cross.

The question holds a clue for each row and each column, a line each: `h1. …` to `h5. …`, `v1. …` to `v5. …` (or 横 and
竖). No rule knows what a clue means, so a place counts as solved only once the model has named its word, also where
crossing words have spelled it; a solution is a word for every place, and all of them cross.
"""

import re
import unicodedata
from dataclasses import dataclass, replace

from ...contract import Request
from ...prompts import fill, prompt
from ..prompting import Words, last_user_message
from .games import Thought, with_steps

_PLACE = r"[\W_]*([hv横竖纵])\s?([1-9])"
_CLUE = re.compile(_PLACE + r"\s?[.:、。)]\s*(\S.*)", re.I)
_LETTER = r"[^\W\d_]"
_HOW_SURE = {"certain": 1.0, "high": 0.5, "medium": 0.2, "low": 0.1, "肯定": 1.0, "高": 0.5, "中": 0.2, "低": 0.1}
_PROPOSED = re.compile(
    rf"{_PLACE}[\W_]+({_LETTER}+|{_LETTER}(?: {_LETTER})+)(?:[\W_]+({'|'.join(_HOW_SURE)}))?[\W_]*", re.I
)
_VERDICTS = {"impossible": 0.0, "不可能": 0.0, "maybe": 0.5, "可能": 0.5, "sure": 1.0, "肯定": 1.0}
_VERDICT = re.compile(r"\b(?:impossible|maybe|sure)\b|不可能|可能|肯定", re.I)
OPEN = "_"


@dataclass(frozen=True, slots=True)
class Board:
    """Places are numbered: the rows from above, then the columns from the left. `words` has "" where none stands."""

    labels: tuple[str, ...]
    clues: tuple[str, ...]
    words: tuple[str, ...]

    @property
    def size(self) -> int:
        return len(self.words) // 2

    def letters(self, place: int) -> str:
        """The word of a place, or what the crossing words tell of it."""
        crossing = self.words[self.size :] if place < self.size else self.words[: self.size]
        return self.words[place] or "".join(word[place % self.size] if word else OPEN for word in crossing)

    def open(self) -> list[int]:
        return [place for place, word in enumerate(self.words) if not word]


class Crosswords:
    """Yao et al. 2023, who ask of each place by itself whether it can still be filled; here one call asks of all."""

    goes_on = True

    def begin(self, request: Request) -> Thought | None:
        index = last_user_message(request)
        lines = _normal(request.messages[index].text).splitlines() if index is not None else []
        clues = [(line[1], int(line[2]), line[3].strip()) for line in map(_CLUE.fullmatch, lines) if line]
        clues.sort(key=lambda clue: (clue[0] not in "hH横", clue[1]))
        size = len(clues) // 2
        places = [(is_row, n + 1) for is_row in (True, False) for n in range(size)]
        if size < 2 or [(way in "hH横", n) for way, n, _ in clues] != places:
            return None
        labels = tuple(f"{way}{n}" for way, n, _ in clues)
        return Thought((), Board(labels, tuple(clue for _, _, clue in clues), ("",) * len(clues)))

    def propose(self, request: Request, thought: Thought, n: int, words: Words) -> Request:
        asking = prompt(request, "crosswords", "propose", words)
        return _about(request, thought, board_of(thought).open(), asking, n)

    def follow(self, thought: Thought, line: str) -> Thought | None:
        match = _PROPOSED.fullmatch(_normal(line[:200]))
        if not match:
            return None
        board, word = board_of(thought), match[3].replace(" ", "").upper()
        place = int(match[2]) - 1 + (0 if match[1] in "hH横" else board.size)
        if int(match[2]) > board.size or board.words[place] or not word.isalpha() or len(word) != board.size:
            return None
        crossing = zip(board.letters(place), word, strict=True)
        if any(known not in (OPEN, letter) for known, letter in crossing) or board.clues[place].upper() == word:
            return None
        words = (*board.words[:place], word, *board.words[place + 1 :])
        steps = (*thought.steps, f"{board.labels[place]}. {word}")
        return Thought(steps, replace(board, words=words), _HOW_SURE.get((match[4] or "").lower(), 0.0))

    def judge(self, request: Request, thought: Thought, words: Words) -> Request:
        board = board_of(thought)
        crossed = [place for place in board.open() if set(board.letters(place)) != {OPEN}]
        return _about(request, thought, crossed or board.open(), prompt(request, "crosswords", "value", words), 0)

    def verdict(self, text: str) -> float | None:
        """0 if one place cannot be filled; else how sure the model is of them, on average."""
        verdicts = [_VERDICTS[words[-1].lower()] for line in text.splitlines() if (words := _VERDICT.findall(line))]
        return None if not verdicts else min(verdicts) and sum(verdicts) / len(verdicts)

    def ended(self, thought: Thought) -> bool:
        return not board_of(thought).open()

    def solution(self, request: Request, thought: Thought) -> str | None:
        board = board_of(thought)
        return None if board.open() else "\n".join(" ".join(word) for word in board.words[: board.size])


def board_of(thought: Thought) -> Board:
    assert isinstance(thought.position, Board)
    return thought.position


def _about(request: Request, thought: Thought, places: list[int], words: str, n: int) -> Request:
    board = board_of(thought)
    open_lines = "\n".join(f"{board.labels[place]}. {' '.join(board.letters(place))}" for place in places)
    text = fill(words, {"open": open_lines, "n": str(n), "label": board.labels[places[0]]})
    return with_steps(request, thought, text).side_request()


def _normal(text: str) -> str:
    return unicodedata.normalize("NFKC", text)
