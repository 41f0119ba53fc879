"""Addresses of the API with ids in them."""

import re
from collections.abc import Mapping
from typing import Any


def filled(path: str, ids: Mapping[str, Any]) -> str:
    """The route as an address, with these ids in their places."""
    return "/" + re.sub(r"<str:(\w+)>", lambda found: str(ids[found[1]]), path)
