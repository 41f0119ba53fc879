"""Keys: UUID version 7, made in Python, so that new rows land at the end of every index."""

import re
from uuid import UUID

from uuid_utils.compat import uuid7

_DASHED = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def new_id() -> UUID:
    """A fresh key; later ones sort after earlier ones."""
    return uuid7()


def parse_id(text: object) -> UUID | None:
    """The id in its dashed form, or None where `text` is anything else."""
    return UUID(text) if isinstance(text, str) and _DASHED.fullmatch(text) else None
