"""What every search box of the product shares: what its words are, and asking the database's search functions."""

import re
from typing import Any, Literal

from django.db import connection

from ondi.common.text import is_storable

# An operator may stand before a word or a phrase; what is no operator is found out by who has some.
_PIECE = re.compile(r"""(?:([^\W\d_]+):(?=["\S]))?(?:"([^"]*)(?:"|$)|(\S+))""")
_QUOTES = str.maketrans(dict.fromkeys("“”„‟«»＂", '"'))
Function = Literal["ondi_search_people", "ondi_search_tickets", "ondi_search_orders", "ondi_search_deliveries"]
NOBODY = "{}"


def pieces_of(text: str) -> list[tuple[str, str, bool]]:
    """The pieces of what was typed: an operator's name in lower case or nothing, its word or phrase, and whether it
    stood in quotes."""
    found = _PIECE.findall(text.translate(_QUOTES))
    return [(name.lower(), phrase or word.replace('"', ""), not word) for name, phrase, word in found]


def words_of(text: str) -> list[str]:
    """Words and phrases, for a search that has no operators."""
    return [f"{name}:{said}" if name else said for name, said, _quoted in pieces_of(text) if name or said.strip()]


def ids_found(function: Function, asked: Any) -> str:
    """What a search function of the database finds in the tenants in scope, as PostgreSQL writes an array of ids."""
    texts = [asked] if isinstance(asked, str) else asked
    if not texts or not all(map(is_storable, texts)):
        return NOBODY
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s)::text", [asked])
        return str((cursor.fetchone() or [NOBODY])[0])
