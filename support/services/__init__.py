"""Every write to a ticket. The API, the admin and the commands call these and nothing below them.

Each runs in one order: lock the ticket, ask the policy, look at the state, write, append the event.
`at` is when it happened: now when left out; demo data and imports tell of the past.
"""

from support.services.assignment import (
    assign_ticket,
    claim_next_ticket,
    claim_ticket,
    offboard_agent,
    release_ticket,
    take_over_ticket,
)
from support.services.changes import change_link, change_priority, change_tags, snooze_ticket
from support.services.customers import add_customer, correct_customer
from support.services.lifecycle import close_ticket, reopen_ticket, warn_of_closing
from support.services.messages import note_delivery
from support.services.opening import open_ticket, open_ticket_on_behalf
from support.services.participants import change_participants
from support.services.presence import keep_presence, note_presence
from support.services.redaction import redact_ticket_message, redact_ticket_note
from support.services.replying import Seen, post_message, reply_to_ticket, write_note

__all__ = [
    "Seen",
    "add_customer",
    "assign_ticket",
    "change_link",
    "change_participants",
    "change_priority",
    "change_tags",
    "claim_next_ticket",
    "claim_ticket",
    "close_ticket",
    "correct_customer",
    "keep_presence",
    "note_delivery",
    "note_presence",
    "offboard_agent",
    "open_ticket",
    "open_ticket_on_behalf",
    "post_message",
    "redact_ticket_message",
    "redact_ticket_note",
    "release_ticket",
    "reopen_ticket",
    "reply_to_ticket",
    "snooze_ticket",
    "take_over_ticket",
    "warn_of_closing",
    "write_note",
]
