"""Every write to a ticket. The API, the admin and the commands call these and nothing below them.

Each runs in one order: lock the ticket, ask the policy, look at the state, write, append the event.
`at` is when it happened: now when left out; demo data and imports tell of the past.
"""

from support.services.desk import (
    claim_next_ticket,
    claim_ticket,
    close_ticket,
    release_ticket,
    release_tickets_of,
    reopen_ticket,
    take_over_ticket,
)
from support.services.opening import open_ticket
from support.services.participants import change_participants
from support.services.turns import note_delivery, note_message

__all__ = [
    "change_participants",
    "claim_next_ticket",
    "claim_ticket",
    "close_ticket",
    "note_delivery",
    "note_message",
    "open_ticket",
    "release_ticket",
    "release_tickets_of",
    "reopen_ticket",
    "take_over_ticket",
]
