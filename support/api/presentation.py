"""The ticket object of API.md, from a row."""

from typing import Any

from django.utils.translation import gettext as _

from conversations.events import event_text
from conversations.models import MessageType, SenderRole
from conversations.policies import can_post
from ondi.accounts.actors import Actor
from ondi.common.times import iso
from support import policies


def ticket_data(row: Any, viewer: Actor) -> dict[str, Any]:
    """A row of `for_list` as `viewer` sees it."""
    short = not viewer.is_support_user or policies.is_customer_of(row, viewer)
    takes_part = row.part__joined_at is not None and row.part__left_at is None
    return {
        "id": str(row.id),
        "number": row.number,
        "subject": row.subject,
        "status": row.status,
        "priority": row.priority,
        "source": row.source,
        "related_delivery_id": _id(row.delivery_id),
        "related_order_id": _id(row.order_id),
        "conversation": _conversation_data(row, short=short, takes_part=takes_part),
        "assigned_to_user": _assignee_data(row, short=short),
        "waiting_on": row.waiting_on,
        "can_close": policies.can_close(row, viewer),
        "can_reply": can_post(conversation_status=row.conversation__status, takes_part=takes_part),
        "created_at": iso(row.created_at),
        "updated_at": iso(row.updated_at),
        "last_activity_at": iso(row.last_activity_at),
        "closed_at": iso(row.closed_at),
    }


def ticket_detail_data(row: Any, viewer: Actor) -> dict[str, Any]:
    """A row of `for_detail` as `viewer` sees it."""
    return {**ticket_data(row, viewer), "delivery": _delivery_data(row), "order": _order_data(row)}


def person_name(first_name: str, last_name: str, *, nobody: str, short: bool) -> str:
    """The name as others read it: in full, or for customers first name and initial."""
    if not short:
        return f"{first_name} {last_name}".strip() or nobody
    if not first_name:
        return nobody
    return f"{first_name} {last_name[0]}." if last_name else first_name


def _conversation_data(row: Any, *, short: bool, takes_part: bool) -> dict[str, Any]:
    unread = max(0, row.conversation__message_count - row.part__last_read_sequence) if takes_part else None
    return {
        "id": str(row.conversation_id),
        "title": row.conversation__title,
        "status": row.conversation__status,
        "message_count": row.conversation__message_count,
        "unread_count": unread,
        "last_message": _last_message_data(row, short=short),
    }


def _last_message_data(row: Any, *, short: bool) -> dict[str, Any] | None:
    if row.conversation__last_message_id is None:
        return None
    is_system = row.conversation__last_message_type == MessageType.SYSTEM
    event = row.conversation__last_message_event
    return {
        "id": str(row.conversation__last_message_id),
        "sender": _sender_data(row, short=short),
        "message_type": row.conversation__last_message_type,
        "preview": event_text(event) if is_system else row.conversation__last_message_preview,
        "created_at": iso(row.conversation__last_message_at),
    }


def _sender_data(row: Any, *, short: bool) -> dict[str, Any]:
    role = row.conversation__last_message_sender_role
    if row.conversation__last_message_sender__erased_at is not None:
        return {"id": None, "name": _("Deleted user"), "role": role}
    name = person_name(
        row.conversation__last_message_sender__first_name or "",
        row.conversation__last_message_sender__last_name or "",
        nobody=_("Customer") if role == SenderRole.CUSTOMER else _("Support"),
        short=short,
    )
    return {"id": _id(row.conversation__last_message_sender__user_id), "name": name, "role": role}


def _assignee_data(row: Any, *, short: bool) -> dict[str, Any] | None:
    if row.assignee__user_id is None:
        return None
    if row.assignee__erased_at is not None:
        return {"id": None, "name": _("Deleted user")}
    name = person_name(row.assignee__first_name, row.assignee__last_name, nobody=_("Support"), short=short)
    return {"id": str(row.assignee__user_id), "name": name}


def _delivery_data(row: Any) -> dict[str, Any] | None:
    if row.delivery_id is None or row.delivery__customer_id != row.requester_id:
        return None
    return {
        "id": str(row.delivery_id),
        "delivery_code": row.delivery__delivery_code,
        "status": row.delivery__status,
        "from": row.delivery__from_address,
        "to": row.delivery__to_address,
        "promised_at": iso(row.delivery__promised_at),
        "delivered_at": iso(row.delivery__delivered_at),
        "order_id": _id(row.delivery__order_id),
    }


def _order_data(row: Any) -> dict[str, Any] | None:
    if row.order_id is None or row.order__customer_id != row.requester_id:
        return None
    amount = row.order__total_amount
    return {
        "id": str(row.order_id),
        "order_number": row.order__number,
        "status": row.order__status,
        "payment_status": row.order__payment_status,
        "currency": row.order__currency,
        "total_amount": None if amount is None else str(amount),
        "item_count": row.order__item_count,
        "placed_at": iso(row.order__placed_at),
    }


def _id(value: object) -> str | None:
    return None if value is None else str(value)
