"""What a ticket's conversation says by itself when something happened, by code, in the reader's language."""

from django.utils.translation import gettext_lazy as _

from deliveries.models import DeliveryStatus

NOTE_REMOVED = _("This note was removed.")
TICKET_CLOSED, TICKET_REOPENED = "ticket_closed", "ticket_reopened"
TICKET_CLOSING = "ticket_closing"
EVENT_OF_DELIVERY = {
    DeliveryStatus.DELIVERED: "delivery_delivered",
    DeliveryStatus.RETURNED: "delivery_returned",
    DeliveryStatus.CANCELLED: "delivery_cancelled",
}
TEXTS = {
    TICKET_CLOSED: _("This ticket was closed."),
    TICKET_REOPENED: _("This ticket was opened again."),
    TICKET_CLOSING: _(
        "We have not heard from you for a while. This ticket will be closed soon. Write here if you still need help."
    ),
    "delivery_delivered": _("Your delivery has arrived."),
    "delivery_returned": _("Your delivery is on its way back to the sender."),
    "delivery_cancelled": _("Your delivery was cancelled."),
}
