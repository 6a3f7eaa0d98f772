"""The language of a text, as far as search and techniques treat languages differently."""

from __future__ import annotations

import re

_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_KANA = re.compile(r"[\u3041-\u30ff]")
_HANGUL = re.compile(r"[\uac00-\ud7a3]")
_LATIN_WORD = re.compile(r"[A-Za-z\u00c0-\u024f]+(?:['’][a-z]+)?")
_ENGLISH = frozenset(
    "the of and to in is was are were be been for that with as on by at from this it its not or an which have has had"
    " but he she his her they their you your we our i what who when where how will can would do does if there".split()
)
_OTHER = frozenset(
    "der die das und ist nicht ein eine den dem mit auf für von zu le la les des et est une dans pour que qui sur el"
    " los las y en un una por con del se il lo gli di che non è sono per o do da em não uma os het een van niet".split()
)
_HEAD = 20_000  # characters that are looked at


def language_of(text: str) -> str:
    """`zh`, `ja`, `ko`, `en`, or nothing for any other and for what is in none. Chinese: at least as many Chinese
    characters as Latin words. English: Latin words that their small words do not tell to be another language's."""
    head = text[:_HEAD]
    han, kana, hangul = (len(pattern.findall(head)) for pattern in (_HAN, _KANA, _HANGUL))
    words = [word.lower() for word in _LATIN_WORD.findall(head)]
    if han + kana + hangul >= max(1, len(words)):
        if hangul > han + kana:
            return "ko"
        return "ja" if kana > 0.1 * (han + kana) else "zh"
    english = sum(word in _ENGLISH for word in words)
    other = sum(word in _OTHER for word in words)
    latin = sum(map(len, words))
    letters = sum(character.isalpha() for character in head)
    return "en" if words and english >= other and latin > letters / 2 else ""
