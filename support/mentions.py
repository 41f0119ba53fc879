"""`@name` in a note: which colleagues it names."""

import re
from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from ondi.accounts.models import Membership

MARK = "@"


def mentioned_in(content: str, colleagues: Sequence[Membership]) -> list[UUID]:
    """The memberships of those whose full name stands behind an `@`, whatever its capitals, in the order of the text.

    The longest name that fits counts; colleagues of one name are all meant.
    """
    called: dict[str, list[UUID]] = defaultdict(list)
    for one in colleagues:
        if name := str(one).strip():
            called[name.casefold()].append(one.id)
    longest_first = sorted(called, key=len, reverse=True)
    if not longest_first:
        return []
    named = re.compile(rf"{MARK}({'|'.join(map(re.escape, longest_first))})(?!\w)")
    found = (key for match in named.finditer(content.casefold()) for key in called[match[1]])
    return list(dict.fromkeys(found))
