"""Takes out of an HTML page what nobody sees who looks at it: a reader of the page never agreed to that text.

What counts is what the page itself says, in attributes, inline styles and its own <style>: not displayed, hidden, of no
size, of no opacity, outside of the window, clipped away, in the colour of its background. Style sheets in other files
are not loaded, and of selectors only those of tags, classes and ids, one within the other, are followed.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

Element: TypeAlias = Any  # of lxml, which has no types
Style: TypeAlias = dict[str, str]

_Compound: TypeAlias = tuple[str, frozenset[str]]  # a tag or "*", and names
_Rule: TypeAlias = tuple[tuple[int, int, int], list[_Compound], Style]  # with its weight

_NEVER_SHOWN = frozenset({"script", "style", "template", "noscript", "head", "object", "embed", "svg", "select"})
_ALWAYS = re.compile(r"@media\s+(?:only\s+)?(?:all|screen)(?:\s*,\s*\w+)*|@layer\b.*|@supports\b.*")
_FONT_SIZE = re.compile(r"(?<![\w.])(?:0|[\d.]+(?:px|em|rem|pt))(?![\w.])")
_COMPOUND = re.compile(r"(\*|[a-z][\w-]*)?((?:[.#][\w-]+)*)", re.IGNORECASE)
_NAME = re.compile(r"[.#][\w-]+")
_NUMBER = re.compile(r"(-?(?:\d+\.?\d*|\.\d+))(px|em|rem|pt|%|vw|vh)?")
_FOR_SCREEN_READERS = frozenset({".sr-only", ".visually-hidden", ".visuallyhidden", ".screen-reader-text"})
_FAR_AWAY = re.compile(r"translate[xy]?\(-\d{3,}px|scale\(0\)")
_COLOURS = {"white": "#ffffff", "black": "#000000", "transparent": ""}
_RELEVANT = re.compile(
    r"display|visibility|opacity|font|color|background|position|left|top|right|text-indent|margin|transform|clip|width|height|overflow"
)
MOST_RULES = 20_000


class _Place(NamedTuple):
    """An element as selectors see it, and the one around it."""

    tag: str
    names: frozenset[str]  # its classes and its id, as selectors write them
    above: _Place | None


def remove_invisible(page: Element) -> None:
    """Changes the tree. A page's root and body stay, as scripts show them when they are ready."""
    rules = _Rules(page)
    has_other_styles = any("stylesheet" in (link.get("rel") or "").lower() for link in page.iter("link"))
    background = None if has_other_styles else "#ffffff"
    waiting: list[tuple[Element, str | None, str | None, _Place | None]] = [(page, "#000000", background, None)]
    doomed = []
    while waiting:
        element, colour, background, above = waiting.pop()
        if not isinstance(element.tag, str) or element.tag in _NEVER_SHOWN:
            doomed.append(element)
            continue
        place = _Place(element.tag, _names(element), above)
        style = rules.style_of(place) | _declarations(element.get("style") or "")
        colour = _colour(style.get("color") or element.get("color") or "", colour)
        if own := style.get("background-color") or style.get("background") or element.get("bgcolor"):
            filled = None if "url(" in own or "gradient" in own else _colour(own, background)
            background = background if filled == "" else filled
        is_hidden = _is_hidden(element, style) or not place.names.isdisjoint(_FOR_SCREEN_READERS)
        if element.tag not in ("html", "body") and (is_hidden or _alike(colour, background)):
            if is_hidden or not len(element):
                doomed.append(element)
                continue
            _drop_own_text(element)  # what is within may have a colour of its own
        waiting += [(child, colour, background, place) for child in element]
    for element in doomed:
        _drop(element)


def _is_hidden(element: Element, style: Mapping[str, str]) -> bool:
    if element.get("hidden") is not None or (element.tag == "dialog" and element.get("open") is None):
        return True
    if style.get("display") == "none" or style.get("visibility") in ("hidden", "collapse"):
        return True
    size = style.get("font-size") or "".join(_FONT_SIZE.findall(style.get("font", ""))[:1])
    if _pixels(style.get("opacity")) == 0 or _tiny(size, 1) or _colour(style.get("color", ""), "#") == "":
        return True
    if style.get("position") in ("absolute", "fixed") and any(
        (_pixels(style.get(side)) or 0) <= -900 for side in ("left", "top", "right")
    ):
        return True
    if any((_pixels(style.get(name)) or 0) <= -900 for name in ("text-indent", "margin-left", "margin-top")):
        return True
    if _FAR_AWAY.search(style.get("transform", "")):
        return True
    clip = style.get("clip", "") + style.get("clip-path", "")
    is_clipped = re.match(r"rect\((?:[01](?:px)?[\s,]*){4}\)|inset\((?:50|100)%\)", clip)
    no_room = any(_tiny(style.get(side), 1) for side in ("width", "height", "max-height", "max-width"))
    return bool(is_clipped) or (no_room and style.get("overflow", "").startswith(("hidden", "clip")))


def _pixels(value: str | None) -> float | None:
    match = _NUMBER.match(value or "")
    return float(match[1]) * (16 if match[2] in ("em", "rem") else 1) if match else None


def _tiny(value: str | None, most: float) -> bool:
    pixels = _pixels(value)
    return pixels is not None and pixels <= most and not (value or "").endswith(("%", "vw", "vh") if pixels else ())


def _colour(value: str, inherited: str | None) -> str | None:
    """As #rrggbb; "" for a transparent one, None where it cannot be told."""
    value = value.lower().replace(" ", "")
    if value in ("", "inherit", "unset", "none"):
        return inherited
    if match := re.match(r"[a-z]+", value):
        if match[0] in _COLOURS:
            return _COLOURS[match[0]]
    elif match := re.match(r"#([0-9a-f]{3,8})", value):
        digits = match[1]
        digits = "".join(digit * 2 for digit in digits) if len(digits) < 6 else digits
        return "" if digits[6:8] == "00" else f"#{digits[:6]}"
    if match := re.match(r"rgba?\((\d+),(\d+),(\d+)(?:,([\d.]+))?\)", value):
        if match[4] and float(match[4].strip(".") or 1) == 0:
            return ""
        return "#" + "".join(f"{min(int(match[number]), 255):02x}" for number in (1, 2, 3))
    return None


def _alike(colour: str | None, background: str | None) -> bool:
    if not colour or not background:
        return False
    pairs = zip(bytes.fromhex(colour[1:]), bytes.fromhex(background[1:]), strict=True)
    return all(abs(one - other) <= 12 for one, other in pairs)


def _drop_own_text(element: Element) -> None:
    element.text = None
    for child in element:
        child.tail = None


def _drop(element: Element) -> None:
    """Its text goes, the text that follows it stays."""
    parent = element.getparent()
    if parent is None:
        return
    if element.tail:
        before = element.getprevious()
        if before is None:
            parent.text = (parent.text or "") + element.tail
        else:
            before.tail = (before.tail or "") + element.tail
    parent.remove(element)


class _Rules:
    """The rules of a page's own <style> elements that can make something invisible or undo that."""

    def __init__(self, page: Element) -> None:
        self._by_key: dict[str, list[_Rule]] = defaultdict(list)
        rules = (rule for sheet in page.iter("style") for rule in _rules_in(sheet.text or ""))
        for order, (selector, style) in enumerate(rules):
            if order > MOST_RULES:
                break
            matches = [_COMPOUND.fullmatch(compound) for compound in selector.replace(">", " ").split()]
            compounds = [((match[1] or "*").lower(), frozenset(_NAME.findall(match[2]))) for match in matches if match]
            if compounds and len(compounds) == len(matches):
                tag, names = compounds[-1]
                weight = selector.count("#"), selector.count("."), order
                self._by_key[min(names, default=tag)].append((weight, compounds, style))

    def style_of(self, place: _Place) -> Style:
        if not self._by_key:
            return {}
        found = [
            (weight, style)
            for key in (place.tag, "*", *place.names)
            for weight, compounds, style in self._by_key.get(key, ())
            if _matches(place, compounds)
        ]
        merged: Style = {}
        for _, style in sorted(found, key=lambda rule: rule[0]):
            merged |= style
        return merged


def _rules_in(sheet: str) -> Iterator[tuple[str, Style]]:
    sheet = re.sub(r"/\*[^*]*\*+(?:[^/*][^*]*\*+)*/", " ", sheet[: 1 << 20])
    skipped = depth = 0
    for match in re.finditer(r"([^{}]*)([{}])", sheet):
        if match[2] == "{":
            prelude = match[1].rpartition(";")[2].strip()
            depth += 1
            if prelude.startswith("@") and not _ALWAYS.fullmatch(prelude):
                skipped = skipped or depth
            selectors = prelude
        else:
            if not skipped and _RELEVANT.search(match[1]):
                style = _declarations(match[1])
                yield from ((selector.strip(), style) for selector in selectors.split(","))
            if skipped == depth:
                skipped = 0
            depth = max(0, depth - 1)


def _declarations(text: str) -> Style:
    pairs = (part.partition(":") for part in text.lower().split(";"))
    return {name.strip(): value.replace("!important", "").strip() for name, _, value in pairs if value}


def _names(element: Element) -> frozenset[str]:
    names = [f".{name}" for name in (element.get("class") or "").split()]
    return frozenset([*names, f"#{element.get('id')}"] if element.get("id") else names)


def _matches(place: _Place, compounds: list[_Compound]) -> bool:
    """The last compound is the element's, those before are of ancestors, in this order."""
    tag, names = compounds[-1]
    if tag not in ("*", place.tag) or not names <= place.names:
        return False
    left, above = len(compounds) - 1, place.above
    while left and above is not None:
        tag, names = compounds[left - 1]
        left -= tag in ("*", above.tag) and names <= above.names
        above = above.above
    return not left
