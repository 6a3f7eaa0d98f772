"""Thoughts that an endpoint leaves in the text of its reply, told from the answer as the text arrives.

They stand at its beginning, between marks. Where a chat template has already written the first mark, the text begins
with thoughts and only the second mark shows it: so the beginning of such a text is held back until that is decided.
"""

from ...answers.thoughts import ANSWER_BEGINS, ANSWER_ENDS, LONE_ENDS, THOUGHT_MARKS

MAX_LOOKS = 200  # at a text that is held back, each of which reads all of it
LONGEST_MARK = max(len(mark) for mark in (*(m for marks in THOUGHT_MARKS for m in marks), *ANSWER_BEGINS)) + 1


class ThoughtSplitter:
    """`add` pieces of a text, then `finish`: both return what there is of the answer and of the thoughts by now.

    `hold`: how many characters may be held back for a mark that the template has written; None: all of them.
    """

    def __init__(self, hold: int | None) -> None:
        self.hold = hold
        self.form: str | None = None  # the mark that began the thoughts
        self.lone = False  # they had no such mark: only their end showed them
        self.released = False  # nothing was found and the text is heard as it comes
        self.late_end = False  # of thoughts that were heard as the answer
        self._text = ""
        self._end: str | None = None  # the mark that ends the thoughts in progress
        self._answering = self._framed = self._after = False
        self._over = False  # so is the answer: a mark has ended it
        self._has_thoughts, self._space = False, [""]
        self._searched = 0  # up to where no mark has ended thoughts
        self._pieces: list[str] = []  # that came since, while all is held back
        self._looks = MAX_LOOKS

    def add(self, piece: str) -> tuple[str, str]:
        if self._answering and not self._framed:
            self._text += piece  # which is but the piece: nothing is held back any more
            return self._take_answer(), ""
        self._pieces.append(piece)
        if self._over or self._may_wait(piece):
            return "", ""
        self._text, self._pieces = self._text + "".join(self._pieces), []
        thoughts = ""
        while not self._answering:  # which it does to the end, once it has begun
            before = (self._text, self._end, self._answering)
            thoughts += self._begin() if self._end is None else self._take_thoughts(self._end)
            if before == (self._text, self._end, self._answering):
                return "", thoughts
        return self._take_answer(), thoughts

    def _may_wait(self, piece: str) -> bool:
        """Whether nothing can be told yet of a long text that is held back. Copying it at each piece would take
        quadratic time: a mark is looked for at once in the last pieces, and now and then in all."""
        undecided = self._end is None and not self._answering and len(self._text) >= 8 * LONGEST_MARK
        if not undecided or len(self._pieces) * 8 > len(self._text):
            return False
        if self._after or self.hold is not None:
            return piece.isspace()  # all of it is space so far
        end = "".join([self._text[-LONGEST_MARK:], *self._pieces[-LONGEST_MARK:]]).lower()
        self._looks -= any(mark in end for mark in LONE_ENDS)
        return self._looks <= 0 or not any(mark in end for mark in LONE_ENDS)

    def finish(self) -> tuple[str, str]:
        rest, self._text = self._text + "".join(self._pieces), ""
        if self._end is not None:
            return "", self._stripped(rest)
        if self._framed:
            rest = _without_end(rest)
        return rest.lstrip() if self._after and not self._answering else rest, ""

    def _begin(self) -> str:
        """Decide what the text begins with, as far as it is there. Returns thoughts that only their end shows."""
        text = self._text.lstrip()
        lower = text[:LONGEST_MARK].lower()
        for begin, end in THOUGHT_MARKS:
            if lower.startswith(begin):
                self.form, self._end, self._text = self.form or begin, end, text[len(begin) :]
                return ""
        if self._after:
            for begin in ANSWER_BEGINS:
                if lower.startswith(begin):
                    self._answering = self._framed = True
                    self._text = text[len(begin) :].lstrip()
                    return ""
        begins = [begin for begin, _ in THOUGHT_MARKS] + (list(ANSWER_BEGINS) if self._after else [])
        if any(begin.startswith(lower) for begin in begins):
            return ""
        if self._after:
            self._answering, self._text = True, text
            return ""
        start, self._searched = max(0, self._searched - LONGEST_MARK), len(self._text)
        if found := _lone_end(self._text, start):
            thoughts, self._text = self._text[: found[0]], self._text[found[1] :]
            self.form, self.lone, self._after = THOUGHT_MARKS[0][0], True, True
            return self._stripped(thoughts)
        if self.hold is not None and len(self._text) > self.hold:
            self._answering = self.released = True
        return ""

    def _take_thoughts(self, end: str) -> str:
        at = self._text.lower().find(end)
        if at >= 0:
            thoughts, self._text = self._stripped(self._text[:at]), self._text[at + len(end) :]
            self._end, self._after, self._space = None, True, ["\n\n"] if self._has_thoughts else []
            return thoughts
        kept = _partial(self._text.lower(), end)
        thoughts, self._text = self._text[: len(self._text) - kept], self._text[len(self._text) - kept :]
        return self._stripped(thoughts)

    def _stripped(self, thoughts: str) -> str:
        """Without the space around all thoughts; that within them is kept until more follows."""
        text = thoughts if self._has_thoughts else thoughts.lstrip()
        bare = text.rstrip()
        if not bare:
            self._space.append(text)
            return ""
        space, self._space, self._has_thoughts = "".join(self._space), [text[len(bare) :]], True
        return space + bare

    def _take_answer(self) -> str:
        kept = max(_partial(self._text.lower(), end) for end in ANSWER_ENDS) if self._framed else 0
        if self._framed and any(end in self._text.lower() for end in ANSWER_ENDS):
            self._over = True
            return ""  # the rest is not the answer: `finish` drops it
        if self.released and _lone_end(self._text, 0):
            self.late_end = True
        answer, self._text = self._text[: len(self._text) - kept], self._text[len(self._text) - kept :]
        return answer


def _lone_end(text: str, start: int) -> tuple[int, int] | None:
    """The first end of thoughts from `start` on that nothing began and that no quotation mark stands before."""
    lower = text[start:].lower()
    for end in LONE_ENDS:
        at = start + lower.find(end)
        if at < start or text[max(0, at - 1) : at] in ("`", '"', "'", "“", "‘"):
            continue
        if end.replace("/", "") not in text[:at].lower():
            return at, at + len(end)
    return None


def _partial(text: str, mark: str) -> int:
    """How many characters at the end of the text may be the beginning of the mark."""
    return next((n for n in range(min(len(mark) - 1, len(text)), 0, -1) if text.endswith(mark[:n])), 0)


def _without_end(text: str) -> str:
    ends = [at for end in ANSWER_ENDS if (at := text.lower().find(end)) >= 0]
    return text[: min(ends)] if ends else text
