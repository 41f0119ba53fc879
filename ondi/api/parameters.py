"""Numbers in a query."""

import re
from collections.abc import Sequence

from ondi.common.errors import InvalidInput

_NUMBER = re.compile(r"-?[0-9]{1,18}")


def whole_number(given: Sequence[str], name: str) -> int | None:
    """The number of a parameter that was given so often; None without it. Raises `InvalidInput` on its name."""
    if not given:
        return None
    if len(given) > 1 or not _NUMBER.fullmatch(given[0]):
        raise InvalidInput({name: ["invalid"]})
    return int(given[0])
