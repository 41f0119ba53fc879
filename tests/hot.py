"""All reads whose SQL is kept. A test that takes a filter away has them compile anew."""

from typing import Any

from conversations.reads import HOT as OF_CONVERSATIONS
from support.reads import HOT as OF_TICKETS

HOT = {**OF_TICKETS, **OF_CONVERSATIONS}


def forget_compiled(monkeypatch: Any) -> None:
    """Nothing is kept now, and what is kept from now on is forgotten with the patches."""
    for compiled in HOT.values():
        monkeypatch.setattr(compiled, "_kept", {})
