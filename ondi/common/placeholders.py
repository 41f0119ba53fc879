"""Names in braces within a text: `{order_number}`, or `{order_number|your order}`, with words for where there is none.

Facts stand for them; no format of Python's sees the text.
"""

import re
from collections.abc import Mapping

_PLACEHOLDER = re.compile(r"\{([a-z_]+)(?:\|([^{}\n]*))?\}")


def names_in(text: str) -> set[str]:
    return {found[1] for found in _PLACEHOLDER.finditer(text)}


def fill(text: str, facts: Mapping[str, object]) -> str:
    """The text with what stands for each name; one of which there is no fact says its words, or stays in its braces."""
    return _PLACEHOLDER.sub(lambda found: str(facts.get(found[1], found[0] if found[2] is None else found[2])), text)


def has_stray_brace(text: str) -> bool:
    """Whether a brace stands in it that belongs to no name."""
    return bool(set("{}") & set(_PLACEHOLDER.sub("", text)))
