"""The words of tickets: every status, source and turn there is, and what stored history calls things.

A stored code is written here and nowhere else; what reads or writes one names it.
"""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

# In characters; a note and a canned reply are as long as a message.
LONGEST_SUBJECT, LONGEST_MESSAGE, LONGEST_REASON = 200, 8_000, 500
LONGEST_DRAFT = 100_000  # what is too long to be sent is kept, to be made shorter
LONGEST_VIEW_NAME, LONGEST_VIEW_QUERY = 60, 2_000
# What history has called this since the first release, when a snoozed ticket was one to follow up.
SNOOZED_UNTIL = "follow_up_at"


class Priority(TextChoices):
    """How urgent a ticket is."""

    LOW = "low", _("Low")
    MEDIUM = "medium", _("Medium")
    HIGH = "high", _("High")
    URGENT = "urgent", _("Urgent")

    @property
    def rank(self) -> int:
        return list(type(self)).index(self)


class TicketSource(TextChoices):
    """Where a ticket came from. Customers open the first two; restaurants' are imported, calls noted by staff."""

    CUSTOMER_PORTAL = "customer_portal", _("Customer portal")
    STOREFRONT = "storefront", _("Storefront")
    RESTAURANT = "restaurant", _("Restaurant")
    PHONE = "phone", _("Phone")


class TicketStatus(TextChoices):
    OPEN = "open", _("Open")
    CLOSED = "closed", _("Closed")


class WaitingOn(TextChoices):
    AGENT = "agent", _("Agent")
    CUSTOMER = "customer", _("Customer")


class EventKind(TextChoices):
    """What happens to a ticket, as its history says it."""

    OPENED = "opened", _("Opened")
    CLAIMED = "claimed", _("Claimed")
    TAKEN_OVER = "taken_over", _("Taken over")
    RELEASED = "released", _("Released")
    CLOSED = "closed", _("Closed")
    REOPENED = "reopened", _("Reopened")
    PARTICIPANT_ADDED = "participant_added", _("Participant added")
    PARTICIPANT_REMOVED = "participant_removed", _("Participant removed")
    PARTICIPANT_UPDATED = "participant_updated", _("Participant changed")
    ASSIGNED = "assigned", _("Assigned")
    PRIORITY_CHANGED = "priority_changed", _("Priority changed")
    TAG_ADDED = "tag_added", _("Tag added")
    TAG_REMOVED = "tag_removed", _("Tag removed")
    SNOOZED = "put_off", _("Snoozed")
    LINK_CHANGED = "link_changed", _("Delivery or order changed")
    MESSAGE_REDACTED = "message_redacted", _("Message redacted")
    NOTE_REDACTED = "note_redacted", _("Internal note redacted")
    FIX_UNDONE = "fix_undone", _("Data fix undone")


class DraftKind(TextChoices):
    """What is being written at a ticket, or waits there to be done."""

    REPLY = "reply", _("Reply")
    NOTE = "note", _("Internal note")
    MACRO = "macro", _("Macro")


WRITTEN = (DraftKind.REPLY, DraftKind.NOTE)


class Metric(TextChoices):
    """What is promised of a ticket."""

    FIRST_RESPONSE = "first_response", _("First response")
    NEXT_RESPONSE = "next_response", _("Next response")
    RESOLUTION = "resolution", _("Resolution")


class Outcome(TextChoices):
    """How a promise ended. `CANCELLED`: without anything that was owed any more."""

    MET = "met", _("Met")
    MISSED = "missed", _("Missed")
    CANCELLED = "cancelled", _("No longer owed")


class Cause(TextChoices):
    """What gave a ticket another promise."""

    OPENED = "opened", _("Opened")
    PRIORITY = "priority", _("Priority changed")
    TAGS = "tags", _("Tags changed")
    LINK = "link", _("Delivery or order changed")
    DELIVERY = "delivery", _("State of the delivery")
    POLICY = "policy", _("Policies changed")
    CALENDAR = "calendar", _("Calendar changed")


class Audience(TextChoices):
    """Whose tab a saved view of the queue is."""

    OWN = "own", _("Only me")
    SUPPORT_USERS = "support_users", _("All support users")
    LEADS = "leads", _("Leads and admins")
    EVERYBODY = "everybody", _("Everybody who sees the queue")


class ItemKind(TextChoices):
    """What a ticket is about."""

    DELIVERY = "delivery", _("Delivery")
    ORDER = "order", _("Order")
    NONE = "none", _("Neither")
