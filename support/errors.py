"""What can go wrong with a ticket."""

from collections.abc import Sequence
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from ondi.common.errors import DomainError, Kind


class TicketNotFound(DomainError):
    code = "ticket_not_found"
    kind = Kind.NOT_FOUND
    message = _("Ticket not found.")


class CalendarNotFound(DomainError):
    code = "calendar_not_found"
    kind = Kind.NOT_FOUND
    message = _("Calendar not found.")


class PolicyNotFound(DomainError):
    code = "policy_not_found"
    kind = Kind.NOT_FOUND
    message = _("Policy not found.")


class QueueEmpty(DomainError):
    code = "queue_empty"
    kind = Kind.NOT_FOUND
    message = _("No ticket is waiting.")


class DeliveryNotFound(DomainError):
    code = "delivery_not_found"
    kind = Kind.NOT_FOUND
    message = _("Delivery not found.")


class OrderNotFound(DomainError):
    code = "order_not_found"
    kind = Kind.NOT_FOUND
    message = _("Order not found.")


class SupportChatDisabled(DomainError):
    code = "support_chat_disabled"
    kind = Kind.FORBIDDEN
    message = _("New support tickets are switched off here.")


class CustomerCloseDisabled(DomainError):
    code = "customer_close_disabled"
    kind = Kind.FORBIDDEN
    message = _("Customers cannot close their tickets here.")


class CustomerReopenDisabled(DomainError):
    code = "customer_reopen_disabled"
    kind = Kind.FORBIDDEN
    message = _("Customers cannot open this ticket again.")


class NotASupportUser(DomainError):
    code = "not_a_support_user"
    kind = Kind.FORBIDDEN
    message = _("Only support users can do this.")


class TicketAlreadyOpenForRelated(DomainError):
    """An open ticket holds the item. It is named to its own customer and to staff, never to somebody else."""

    code = "support_ticket_already_open_for_related"
    kind = Kind.CONFLICT
    message = _("A support ticket is already open for this item")

    def __init__(self, ticket_id: UUID | None = None, conversation_id: UUID | None = None) -> None:
        named = {"existing_ticket_id": str(ticket_id), "existing_conversation_id": str(conversation_id)}
        super().__init__(named if ticket_id else None)


class TicketAlreadyAssigned(DomainError):
    code = "ticket_already_assigned"
    kind = Kind.CONFLICT
    message = _("A colleague has this ticket already.")

    def __init__(self, user_id: UUID | None, name: str) -> None:
        super().__init__({"assigned_to_user": {"id": str(user_id) if user_id else None, "name": name}})


class TicketNotAssignedToYou(DomainError):
    code = "ticket_not_assigned_to_you"
    kind = Kind.CONFLICT
    message = _("This ticket is not assigned to you.")


class TicketClosed(DomainError):
    code = "ticket_closed"
    kind = Kind.CONFLICT
    message = _("This ticket is closed.")


class TicketChanged(DomainError):
    """Somebody else changed the ticket while its form or composer was open."""

    code = "ticket_changed"
    kind = Kind.CONFLICT
    message = _("This ticket has changed meanwhile. Look at what is new, then try again.")


class SentAlready(DomainError):
    """What was to be taken back is out."""

    code = "sent_already"
    kind = Kind.CONFLICT
    message = _("It is sent already.")


class AssigneeNotASupportUser(DomainError):
    code = "assignee_not_a_support_user"
    kind = Kind.CONFLICT
    message = _("This person is no support user here.")


class NoteNotFound(DomainError):
    code = "note_not_found"
    kind = Kind.NOT_FOUND
    message = _("Note not found.")


class TagNotFound(DomainError):
    code = "tag_not_found"
    kind = Kind.NOT_FOUND
    message = _("Tag not found.")


class CustomerNotFound(DomainError):
    code = "customer_not_found"
    kind = Kind.NOT_FOUND
    message = _("Customer not found.")


class AddressTaken(DomainError):
    code = "address_taken"
    kind = Kind.CONFLICT
    message = _("Another person here has this e-mail.")


class MacroNotFound(DomainError):
    code = "macro_not_found"
    kind = Kind.NOT_FOUND
    message = _("Macro not found.")


class MacroStepRefused(DomainError):
    """Nothing of the macro was done. `action`: of the step; `refusal`: why it cannot be."""

    code = "macro_step_refused"
    kind = Kind.CONFLICT
    message = _("Nothing of the macro was done.")

    def __init__(self, action: str, refusal: DomainError) -> None:
        super().__init__()
        self.action, self.refusal = action, refusal

    def __str__(self) -> str:
        return f"{self.message} {self.refusal}"


class PlaceholdersLeftOpen(DomainError):
    """`names`: those that a text to a customer still has."""

    code = "placeholders_left_open"
    kind = Kind.INVALID
    message = _("This ticket has nothing to fill in for %(names)s.")

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__({"names": list(names)})
        self.names = names

    def __str__(self) -> str:
        return str(self.message) % {"names": ", ".join(f"{{{name}}}" for name in self.names)}


class CannotManageSettings(DomainError):
    code = "permission_denied"
    kind = Kind.FORBIDDEN
    message = _("Only admins of the tenant can do this.")
