"""What a file is called: as its sender called it, without what would mislead who reads it or breaks where it goes."""

import re
import unicodedata
from urllib.parse import quote

from ondi.files.kinds import SUFFIXES

LONGEST = 255
NAMELESS = "file"
# Controls, separators of lines, halves of surrogate pairs, what turns the direction, and what nobody sees.
_UNWANTED = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff\ufff9-\ufffb]"
)
_PARTS_OF_PATHS = re.compile(r'[/\\:*?"<>|]')
_NOT_PLAIN = re.compile(r'[^\x20-\x7e]|["\\%]')  # programs disagree on what these are in a quoted name
_SUFFIX = re.compile(r"\.[^.\s]{1,10}\Z")


def shown_name(name: str, content_type: str) -> str:
    """The name that is kept: 1 to 255 characters, which ends as its type does.

    `invoice.html` that is text becomes `invoice.html.txt`; a HEIC that became JPEG, `photo.jpg`.
    """
    clean = _PARTS_OF_PATHS.sub("_", _UNWANTED.sub("", unicodedata.normalize("NFC", name)))
    clean = re.sub(r"\s+", " ", clean).strip().rstrip(" .") or NAMELESS
    suffixes = SUFFIXES[content_type]
    if clean.lower().endswith(suffixes):
        stem, suffix = _parted(clean)
    elif clean.lower().endswith(tuple(one for ends in _images() for one in ends)) and content_type.startswith("image/"):
        stem, suffix = _parted(clean)[0], suffixes[0]
    else:
        stem, suffix = clean, suffixes[0]
    return f"{stem[: LONGEST - len(suffix)].strip(' .') or NAMELESS}{suffix}"


def content_disposition(name: str, *, inline: bool) -> str:
    """The header (RFC 6266), with an ASCII name for old programs and the whole one for all others."""
    plain = _NOT_PLAIN.sub("_", name)
    whole = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}"
    return f'{"inline" if inline else "attachment"}; filename="{plain}"{whole}'


def _parted(name: str) -> tuple[str, str]:
    found = _SUFFIX.search(name)
    return (name[: found.start()], found.group()) if found else (name, "")


def _images() -> list[tuple[str, ...]]:
    return [ends for kind, ends in SUFFIXES.items() if kind.startswith("image/")]
