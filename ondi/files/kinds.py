"""Which types of files are taken, and how a file's type is told: by its bytes, whatever it is called."""

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
    rb"\A[\s\x00\xef\xbb\xbf]*(?:<[!?/a-z]|%!|#!|%pdf)|<(?:script|svg|html|iframe|object|embed|body|head|style)[\s/>]",
    re.IGNORECASE,
)
_CONTROLS = frozenset(range(32)) - {9, 10, 12, 13} | {127}


def kind_of(path: Path) -> str | None:
    """The type that the bytes are of; None for one that is not taken. Text and CSV look alike: it says text.

    Raises `OSError`.
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
    if head.startswith(b"%PDF-"):
        return PDF
    if head[4:8] == b"ftyp":
        return HEIC if head[8:12] in _HEIC_BRANDS else None
    found = filetype.guess(head)
    if found is not None:
        return found.mime if found.mime in IMAGES else None
    return TEXT if is_plain(path) else None


def is_plain(path: Path) -> bool:
    """Whether it is text that nothing runs: UTF-8, UTF-16 with its mark, or one byte a letter without controls.

    Raises `OSError`.
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
        if not head:
            return False
        utf16 = head[:2] in (b"\xff\xfe", b"\xfe\xff")
        text = head.decode("utf-16", "ignore").encode("utf-8", "replace") if utf16 else head
        if _ACTIVE.search(text):
            return False
        if utf16:
            return b"\x00" not in text
        while head:
            if not _CONTROLS.isdisjoint(head):
                return False
            head = file.read(PIECE)
    return True
