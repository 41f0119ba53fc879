"""What a canned reply or a macro may leave open: `{customer_first_name}`, `{order_number}`, `{delivery_code}`.

`{order_number|your order}` says the words behind the bar where there is no number.
"""

from ondi.common.placeholders import fill, names_in
from support.models import Ticket

NAMES = ("customer_first_name", "order_number", "delivery_code")


def unknown_placeholders(text: str) -> list[str]:
    """The names in braces that no ticket can fill."""
    return sorted(names_in(text) - set(NAMES))


def unfilled_placeholders(text: str) -> list[str]:
    """The names in braces that a canned reply left open; a text that goes to a customer has none."""
    return sorted(names_in(text) & set(NAMES))


def filled(text: str, ticket: Ticket) -> str:
    """The text with this ticket's facts; what it has none of stays in braces, for the writer to see, unless the text
    says other words for that. The order is the ticket's, or its delivery's."""
    order = ticket.order or (ticket.delivery.order if ticket.delivery else None)
    facts = {
        "customer_first_name": ticket.requester.first_name,
        "order_number": order.number if order else "",
        "delivery_code": str(ticket.delivery.delivery_code or "") if ticket.delivery else "",
    }
    return fill(text, {name: fact for name, fact in facts.items() if fact})
