"""What a canned reply may leave open: `{customer_first_name}`, `{order_number}`, `{delivery_code}`."""

import re

from support.models import Ticket

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
NAMES = ("customer_first_name", "order_number", "delivery_code")


def unknown_placeholders(text: str) -> list[str]:
    """The names in braces that no ticket can fill."""
    return sorted(set(_PLACEHOLDER.findall(text)) - set(NAMES))


def unfilled_placeholders(text: str) -> list[str]:
    """The names in braces that a canned reply left open; a text that goes to a customer has none."""
    return sorted(set(_PLACEHOLDER.findall(text)) & set(NAMES))


def filled(text: str, ticket: Ticket) -> str:
    """The text with this ticket's facts; what the ticket does not have stays in braces, for the writer to see."""
    facts = {
        "customer_first_name": ticket.requester.first_name,
        "order_number": ticket.order.number if ticket.order else "",
        "delivery_code": str(ticket.delivery.delivery_code or "") if ticket.delivery else "",
    }
    return _PLACEHOLDER.sub(lambda found: facts.get(found[1]) or found[0], text)
