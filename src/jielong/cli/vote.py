"""`jielong vote PAIRS`: compare two replies at a time, blind; a vote is on the disk before the next pair is shown."""

from __future__ import annotations

import getpass
import sys
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from ..errors import BadInput
from ..measuring.vote_pairs import Pair, in_order_for, judged_by, read_pairs
from ..measuring.votes import Winner, read_votes
from ..reporting.terminal import console, print_json
from ..runtime.appended_lines import append_line
from . import options
from .keyboard import single_keys
from .messages import localized

_LEAVES = ("q", "\x1b", "\x03", "\x04", "")
_UNDOES = ("u", "\x7f", "\x08")
_EQUAL: dict[str, Winner] = {"0": "tie", "t": "tie", "b": "both_bad", "?": "cannot_tell", "c": "cannot_tell"}


@click.command(help=localized("help.vote"))
@click.argument("file", metavar="PAIRS", type=click.Path(path_type=Path))
@click.option("--rater", metavar="NAME", help=localized("option.rater"))
@click.option("--votes", "votes_file", type=click.Path(path_type=Path), metavar="FILE", help=localized("option.votes"))
@options.as_json
def vote(file: Path, rater: str | None, votes_file: Path | None, as_json: bool) -> None:
    pairs, name = read_pairs(file), rater_name(rater)
    log = votes_file or file.with_suffix(".votes.jsonl")
    if log.absolute() == file.absolute():
        raise BadInput(f"{log} holds the pairs; votes go into a file of their own")
    judged = judged_by(name, read_votes([log]).votes, pairs) if log.exists() else []
    done = {pair.id for pair in judged}
    waiting = [pair for pair in in_order_for(name, pairs) if pair.id not in done]
    print(localized("vote.begin", rater=name, done=len(judged), n=len(pairs), file=log), file=sys.stderr)
    with _keys() as next_key:
        left = _vote(log, name, judged, waiting, next_key, clear=sys.stdin.isatty())
    if as_json:
        print_json({"votes": str(log), "rater": name, "judged": len(pairs) - left, "left": left})
    else:
        print(localized("vote.end", done=len(pairs) - left, n=len(pairs), file=log))


def rater_name(name: str | None) -> str:
    """The name that was given, or that of the account. Raises BadInput for none."""
    if name is None:
        try:
            name = getpass.getuser()
        except (OSError, KeyError):  # a user without a name, as in some containers
            name = ""
    if not (name := " ".join(name.split())):
        raise BadInput("votes need the name of their rater: --rater NAME")
    return name


@contextmanager
def _keys() -> Iterator[Callable[[], str]]:
    """Keys of the terminal; from a pipe, its characters but for white space."""
    if sys.stdin.isatty():
        with single_keys() as next_key:
            yield next_key
        return

    def next_character() -> str:
        while (character := sys.stdin.read(1)).isspace():
            pass
        return character

    yield next_character


def _vote(
    log: Path, rater: str, judged: Sequence[Pair], waiting: Sequence[Pair], next_key: Callable[[], str], *, clear: bool
) -> int:
    """Until the rater leaves or nothing waits; how many pairs are left. Undo goes back as far as there are votes."""
    past, coming = list(judged), list(reversed(waiting))
    total = len(past) + len(coming)
    while True:
        if coming:
            _show(coming[-1], rater, len(past) + 1, total, clear=clear)
        elif past and clear:
            print(localized("vote.all_done"))
        else:
            return 0
        key = unicodedata.normalize("NFKC", next_key()).lower()  # Chinese keyboards give １ and ？
        if key in _LEAVES or (not coming and key not in _UNDOES):
            return len(coming)
        if key in _UNDOES:
            if past:
                coming.append(past.pop())
                append_line(log, coming[-1].record(rater, "undone"))
        elif winner := _winner(key, coming[-1].shows_a_first(rater)):
            append_line(log, coming[-1].record(rater, winner))
            past.append(coming.pop())


def _winner(key: str, a_first: bool) -> Winner | None:
    if key in ("1", "2"):
        return "model_a" if (key == "1") == a_first else "model_b"
    return _EQUAL.get(key)


def _show(pair: Pair, rater: str, number: int, total: int, *, clear: bool) -> None:
    """The prompt and both replies, without a name of a model and without anybody's votes."""
    replies = [pair.response_a, pair.response_b]
    if not pair.shows_a_first(rater):
        replies.reverse()
    if clear:
        console(stderr=False).clear()
    print(_rule(localized("vote.pair", number=number, n=total)), pair.prompt.rstrip(), sep="\n", file=sys.stderr)
    for place, reply in enumerate(replies, 1):
        heading = _rule(localized("vote.reply", place=place))
        print(f"\n{heading}", reply.rstrip() or localized("vote.empty"), sep="\n", file=sys.stderr)
    print(f"\n{localized('vote.keys')}", file=sys.stderr)


def _rule(title: str) -> str:
    return f"── {title} ──"
