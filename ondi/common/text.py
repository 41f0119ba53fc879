"""What text people may send. It is refused, never cleaned, so nobody's words change silently."""

import re
from html import unescape
from html.parser import HTMLParser

# C0 and C1 controls and DEL, but newline and tab; and halves of a surrogate pair.
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_LINE_END = re.compile(r"[\n\u2028\u2029]")
_WHITE_SPACE = re.compile(r"\s+")
# White space; what Unicode calls ignorable by default (zero-width characters, signs of direction, fillers, selectors
# of variants); and the Braille pattern without a dot.
_UNSEEN = re.compile(
    r"[\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]*"
)
PREVIEW_LENGTH = 140


# Persian and Kurdish are not written without the first two; the others turn only what has no direction of its own.
_JOINERS_AND_MARKS = "\u200c\u200d\u200e\u200f"


class TextRefused(ValueError):
    """Carries the code of the field error (`blank`, `invalid`, `max_length`)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def plain_text(value: str, *, max_length: int, one_line: bool = False) -> str:
    """The text as it is stored: CRLF becomes LF, one-line text is trimmed, nothing else changes.

    `max_length` counts code points. Raises `TextRefused`.
    """
    text = value.replace("\r\n", "\n")
    if one_line:
        text = text.strip()
    if shows_nothing(text):
        raise TextRefused("blank")
    if _FORBIDDEN.search(text) or (one_line and _LINE_END.search(text)):
        raise TextRefused("invalid")
    if len(text) > max_length:
        raise TextRefused("max_length")
    return text


def shows_nothing(text: str) -> bool:
    """Whether a reader sees an empty line: white space, zero-width and filler characters only."""
    return _UNSEEN.fullmatch(text) is not None


def shows(letter: str) -> bool:
    """Whether it may stand in one line of ours: printable, or what Arabic script is written with."""
    return letter.isprintable() or letter in _JOINERS_AND_MARKS


def is_storable(value: str) -> bool:
    """False for text PostgreSQL or a reader would choke on: NUL, controls, lone surrogates."""
    return not _FORBIDDEN.search(value.replace("\r\n", "\n"))


def preview(text: str, *, html: bool = False) -> str:
    """The first 140 characters; of html its text, white space folded."""
    return (html_to_text(text) if html else text)[:PREVIEW_LENGTH]


def html_to_text(markup: str) -> str:
    """The text of sanitised html: tags removed, entities decoded, white space folded."""
    collector = _TextCollector(convert_charrefs=False)
    collector.feed(markup)
    collector.close()
    return _WHITE_SPACE.sub(" ", "".join(collector.pieces)).strip()


class _TextCollector(HTMLParser):
    _BREAKS = frozenset({"p", "br", "div", "li", "ul", "ol", "h1", "h2", "h3", "h4", "tr", "td"})

    def __init__(self, *, convert_charrefs: bool) -> None:
        super().__init__(convert_charrefs=convert_charrefs)
        self.pieces: list[str] = []

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)

    def handle_entityref(self, name: str) -> None:
        self.pieces.append(unescape(f"&{name};"))

    def handle_charref(self, name: str) -> None:
        self.pieces.append(unescape(f"&#{name};"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self._BREAKS:
            self.pieces.append(" ")

    def handle_endtag(self, tag: str) -> None:
        self.handle_starttag(tag, [])
