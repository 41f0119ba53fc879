"""Which types of files are taken, and how a file's type is told: by its bytes, whatever it is called."""

import codecs
import re
from pathlib import Path

import filetype

JPEG, PNG, WEBP, GIF, HEIC = "image/jpeg", "image/png", "image/webp", "image/gif", "image/heic"
PDF, TEXT, CSV = "application/pdf", "text/plain", "text/csv"
SUFFIXES = {
    JPEG: (".jpg", ".jpeg"), PNG: (".png",), WEBP: (".webp",), GIF: (".gif",), HEIC: (".heic", ".heif"),
    PDF: (".pdf",), TEXT: (".txt", ".log", ".md"), CSV: (".csv",),
}  # fmt: skip
ALLOWED = tuple(SUFFIXES)
IMAGES = frozenset({JPEG, PNG, WEBP, GIF, HEIC})
VIEW_TYPE = WEBP  # of views and thumbnails

HEAD = 8_192  # bytes that tell a type
PIECE = 1 << 20
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
# What a browser, a shell or a printer takes for a program or a page, wherever text may begin.
_ACTIVE = re.compile(
    r"\A[\s\x00\xef\xbb\xbf\ufeff]*(?:<[!?/a-z]|%!|#!|%pdf)"
    r"|<(?:script|svg|html|iframe|object|embed|body|head|style)[\s/>]",
    re.IGNORECASE,
)
_SAME = {"image/apng": PNG}  # a PNG that moves, in programs which know that
_BINARY = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")  # https://mimesniff.spec.whatwg.org/#binary-data-byte


def kind_of(path: Path) -> str | None:
    """The type that the bytes are of; None for one that is not taken. Text and CSV look alike: it says text.

    Raises `OSError`.
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
    if head.startswith(b"%PDF-"):
        return PDF
    if is_plain(path):  # before pictures: a gift list begins as a GIF does
        return TEXT
    if head[4:8] == b"ftyp":
        return HEIC if head[8:12] in _HEIC_BRANDS else None
    found = filetype.guess(head)
    kind = None if found is None else _SAME.get(found.mime, found.mime)
    return kind if kind in IMAGES else None


def is_plain(path: Path) -> bool:
    """Whether it is text that nothing runs: UTF-16 with its mark, or one byte a letter, or UTF-8; no binary characters.

    Raises `OSError`.
    """
    with path.open("rb") as file:
        piece = file.read(HEAD)
        utf16 = piece.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        decoder = codecs.getincrementaldecoder("utf-16" if utf16 else "latin-1")()
        try:
            text = decoder.decode(piece)
            if not text or _ACTIVE.search(text):
                return False
            while piece:
                if _BINARY.search(text):
                    return False
                piece = file.read(PIECE)
                text = decoder.decode(piece, final=not piece)
        except UnicodeDecodeError:
            return False
    return True
