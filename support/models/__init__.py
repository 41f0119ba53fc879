"""What support stores."""

from support.models.drafts import Draft
from support.models.saved_view import SavedView
from support.models.service_levels import (
    Calendar,
    CalendarVersion,
    Policy,
    PolicyVersion,
    TermsRound,
    TicketClock,
    TicketTerms,
)
from support.models.texts import CannedReply, Macro
from support.models.tickets import (
    ONE_OPEN_PER_DELIVERY,
    ONE_OPEN_PER_ORDER,
    Tag,
    Ticket,
    TicketCounter,
    TicketEvent,
    TicketNote,
    TicketTag,
    TicketViewer,
)

__all__ = [
    "ONE_OPEN_PER_DELIVERY",
    "ONE_OPEN_PER_ORDER",
    "Calendar",
    "CalendarVersion",
    "CannedReply",
    "Draft",
    "Macro",
    "Policy",
    "PolicyVersion",
    "SavedView",
    "Tag",
    "TermsRound",
    "Ticket",
    "TicketClock",
    "TicketCounter",
    "TicketEvent",
    "TicketNote",
    "TicketTag",
    "TicketTerms",
    "TicketViewer",
]
