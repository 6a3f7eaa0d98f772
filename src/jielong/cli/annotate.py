"""`jielong data annotate QUESTIONS`: people answer questions in the terminal, without seeing what a model would say
unless they ask; an answer is on the disk before the next question is shown."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..contract import Message, Model, Request, require_answer
from ..errors import BadInput, JielongError
from ..recipe import load
from ..reporting.terminal import console, print_json
from ..runtime.appended_lines import append_line
from ..runtime.home import home_folder
from ..runtime.ledger import use_ledger
from ..sync import run_sync
from . import options
from .messages import localized
from .vote import rater_name

if TYPE_CHECKING:
    from ..training.instructions.people import Annotation, Question


@click.command(help=localized("help.data_annotate"))
@click.argument("file", metavar="QUESTIONS", type=click.Path(path_type=Path))
@click.option("--annotator", metavar="NAME", help=localized("option.annotator"))
@click.option("--answers", "log", type=click.Path(path_type=Path), metavar="FILE", help=localized("option.annotations"))
@click.option("-m", "--model", metavar="RECIPE", help=localized("option.annotate_model"))
@click.option("--again", is_flag=True, help=localized("option.annotate_again"))
@click.option("--export", "exported", type=click.Path(path_type=Path), metavar="FILE", help=localized("option.export"))
@options.as_json
def annotate(
    file: Path, annotator: str | None, log: Path | None, model: str | None, again: bool, exported: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    from ..training.instructions.instruction_row import write_instructions
    from ..training.instructions.people import annotated_rows, read_annotations, read_questions

    questions, bad = read_questions(file)
    answers = log or file.with_suffix(".answers.jsonl")
    if answers.absolute() == file.absolute():
        raise BadInput(f"{answers} holds the questions; answers go into a file of their own")
    if bad:
        print(localized("data.set_aside", n=len(bad), named="; ".join(bad[:3])), file=sys.stderr)
    if exported is None:
        name, known = rater_name(annotator), read_annotations(answers)
        session = _Session(answers, name, load(model) if model else None)
        session.begin(questions, known, again)
    standing = [each for each in read_annotations(answers) if each.id in {question.id for question in questions}]
    rows = annotated_rows(standing)
    written = write_instructions(exported, rows) if exported else None
    answered = len({each.id for each in standing})
    if as_json:
        print_json(
            {"answers": str(answers), "answered": answered, "left": len(questions) - answered, "exported": written}
        )
    else:
        print(localized("data.annotated", done=answered, n=len(questions), file=answers))
        if exported:
            print(localized("data.written", n=written, file=exported, kinds="people"))


@dataclass
class _Session:
    """One annotator at a terminal or behind a pipe, where a line is a line all the same."""

    log: Path
    annotator: str
    model: Model | None
    clear: bool = field(default_factory=lambda: sys.stdin.isatty())

    def begin(self, questions: Sequence[Question], known: Sequence[Annotation], again: bool) -> None:
        """Until all are answered or the annotator leaves. Undo goes back as far as the annotator's own answers."""
        own = {each.id for each in known if each.annotator.casefold() == self.annotator.casefold()}
        done = own if again else {each.id for each in known}
        past = [question for question in questions if question.id in own]
        coming = [question for question in reversed(questions) if question.id not in done]
        total = len(past) + len(coming)
        print(
            localized("data.begin", annotator=self.annotator, done=len(past), n=total, file=self.log), file=sys.stderr
        )
        while coming:
            did = self._ask(coming[-1], len(past) + 1, total)
            if did == "quit":
                return
            if did == "undone" and past:
                coming.append(past.pop())
                self._write(coming[-1], "", "undone")
            elif did == "later":
                coming.insert(0, coming.pop())
                if len(coming) == 1:
                    return
            elif did not in ("undone", "later"):
                past.append(coming.pop())

    def _ask(self, question: Question, number: int, total: int) -> str:
        """What became of a question. Nothing is written before the whole answer is there."""
        if self.clear:
            console(stderr=False).clear()
        print(
            f"── {localized('data.question', number=number, n=total)} ──", question.text, "", sep="\n", file=sys.stderr
        )
        print(localized("data.keys"), file=sys.stderr)
        lines, shown = list[str](), None
        while True:
            line = sys.stdin.readline()
            command = line.strip().casefold()
            if not line or command == ":q":
                return "quit"
            if command in (":u", ":l"):
                return "undone" if command == ":u" else "later"
            if command == ":x":
                return self._write(question, "", "unclear", shown)
            if command == ":m":
                shown = self._model_answer(question)
                if shown:
                    self._write(question, "", "looked", shown)
                print(shown or localized("data.no_model_answer"), file=sys.stderr)
            elif command == ":a" and shown:
                return self._write(question, shown, "accepted", shown)
            elif command in (".", "。") and (text := "".join(lines).strip()):
                return self._write(question, text, "answered", shown)
            elif command not in (".", "。", ":a"):
                lines.append(line)

    def _model_answer(self, question: Question) -> str | None:
        if question.model_answer or self.model is None:
            return question.model_answer
        try:
            with use_ledger(home_folder() / "ledger.db"):
                reply = run_sync(self.model.generate, Request((Message("user", question.text),)))
            return require_answer(reply).text
        except JielongError as error:
            print(error, file=sys.stderr)
            return None

    def _write(self, question: Question, answer: str, did: str, shown: str | None = None) -> str:
        from ..training.instructions.people import Annotation

        record = Annotation(question.id, question.text, answer, did, self.annotator, shown is not None)  # type: ignore[arg-type]
        append_line(self.log, record.record())
        return did
