"""Marking in a text what a search found, by the same folding of letters as the search (`ondi_fold`)."""

import re
import unicodedata
from collections.abc import Iterator
from importlib import import_module

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString

_FOLDING = import_module("support.migrations.0010_folding")
_SAME = {
    **{
        ord(one): letter for same in (_FOLDING.LETTERS, _FOLDING.SIGNS) for letter, many in same.items() for one in many
    },
    **dict.fromkeys(map(ord, _FOLDING.UNSEEN), ""),
}


def folded(text: str) -> tuple[str, list[int]]:
    """The text as the search compares it, and of each of its letters the place in the text."""
    letters, places = [], []
    for place, letter in enumerate(text):
        same = unicodedata.normalize("NFKC", letter).lower().translate(_SAME)
        letters.append(same)
        places += [place] * len(same)
    return "".join(letters), places


def marked(text: str, term: str) -> SafeString:
    """The text for a page, with `<mark>` around each word of the search that stands in it."""
    words = [word for word in folded(term)[0].replace('"', " ").lstrip("#").split() if len(word) > 1]
    pieces, end = [], 0
    for start, stop in _found(text, words) if words else ():
        pieces += [escape(text[end:start]), format_html("<mark>{}</mark>", text[start:stop])]
        end = stop
    return SafeString("".join([*pieces, escape(text[end:])]))


def _found(text: str, words: list[str]) -> Iterator[tuple[int, int]]:
    plain, places = folded(text)
    pattern = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    for found in re.finditer(pattern, plain):
        yield places[found.start()], places[found.end() - 1] + 1
