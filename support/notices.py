"""The notifications of tickets: their types and texts, and what these texts are filled with. API.md, section 11."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils.translation import gettext, override
from django.utils.translation import gettext_lazy as _

from ondi.accounts.models import Membership
from ondi.common.querysets import Viewer
from ondi.notifications.models import Notification
from ondi.notifications.types import TYPES, Audience, Channel, NotificationType, When, register
from ondi.tenants.models import Tenant
from support.models import Ticket

REPLY, OPENED = "support_reply", "support_ticket_opened"
CLOSED, REOPENED = "support_ticket_closed", "support_ticket_reopened"
NEW, ASSIGNED, CUSTOMER_REPLIED = "support_ticket_new", "support_ticket_assigned", "support_customer_replied"
MENTION, TAKEN_OVER = "support_mention", "support_ticket_taken_over"

_WHO = "%(actor)s: %(subject)s"
_SOON, _LATER = timedelta(minutes=2), timedelta(minutes=5)
_UNREAD_TOO = {Channel.EMAIL: When.UNREAD, Channel.PUSH: When.NOW}
_IN_APP_ONLY = {Channel.EMAIL: (When.OFF,), Channel.PUSH: (When.OFF,)}

register(
    NotificationType(REPLY, Audience.CUSTOMERS, _("Answer to ticket #%(number)s"), "%(subject)s", _SOON, _UNREAD_TOO),
    NotificationType(
        OPENED, Audience.CUSTOMERS, _("Ticket #%(number)s was opened for you"), "%(subject)s", _SOON, _UNREAD_TOO
    ),
    NotificationType(
        CLOSED, Audience.CUSTOMERS, _("Ticket #%(number)s was closed"), "%(subject)s", _SOON, _UNREAD_TOO
    ),
    NotificationType(
        REOPENED, Audience.CUSTOMERS, _("Ticket #%(number)s was opened again"), "%(subject)s", _SOON, _UNREAD_TOO
    ),
    NotificationType(
        NEW,
        Audience.STAFF,
        _("New ticket #%(number)s"),
        "%(subject)s",
        _LATER,
        {Channel.IN_APP: When.OFF},
        _IN_APP_ONLY,
    ),
    NotificationType(
        ASSIGNED, Audience.STAFF, _("Ticket #%(number)s was assigned to you"), _WHO, _LATER,
        {Channel.EMAIL: When.UNREAD},
    ),
    NotificationType(
        CUSTOMER_REPLIED, Audience.STAFF, _("New message in ticket #%(number)s"), _WHO, _LATER,
        {Channel.EMAIL: When.UNREAD},
    ),
    NotificationType(
        MENTION, Audience.STAFF, _("You were mentioned in ticket #%(number)s"), _WHO, _LATER,
        {Channel.EMAIL: When.NOW}, {Channel.IN_APP: (When.NOW,)},
    ),
    NotificationType(
        TAKEN_OVER, Audience.STAFF, _("Your ticket #%(number)s was taken over"), _WHO, _LATER,
    ),
)  # fmt: skip

NAMES = [(name, name) for name in TYPES]


def texts_of(notifications: Sequence[Notification], viewer: Viewer) -> dict[UUID, tuple[str, str]]:
    """Title and message of each for this reader, in the language in force. Two statements.

    What was purged meanwhile says nothing, what was erased says so.
    """
    tickets = {one.subject_id for one in notifications if one.subject_id}
    people = {one.actor_id for one in notifications if one.actor_id}
    subjects = dict(Ticket.objects.in_tenants(viewer.tenant_ids).filter(id__in=tickets).values_list("id", "subject"))
    actors = {
        person.id: str(person) for person in Membership.objects.in_tenants(viewer.tenant_ids).filter(id__in=people)
    }
    return {
        one.id: _text(
            TYPES[one.notification_type],
            number=one.data["number"],
            subject=subjects.get(one.subject_id, "") if one.subject_id else "",
            actor=actors.get(one.actor_id, "") if one.actor_id else "",
        )
        for one in notifications
    }


def _text(kind: NotificationType, **said: Any) -> tuple[str, str]:
    message = str(kind.message) % said if said["actor"] else said["subject"]
    return str(kind.title) % said, message


PUSHED = (
    "notification_type", "recipient_id", "recipient_external_id", "language", "title", "message", "unread_count",
    "ticket_id", "conversation_id", "action",
)  # fmt: skip


def pushes_of(tenant_id: UUID, notification_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What the platform's push of each says, in its reader's language and without anybody's words, by its id.

    None of those that are no longer kept, or whose reader was erased. Three statements, none where none is asked for.
    """
    if not notification_ids:
        return {}
    kept = Notification.objects.in_tenants([tenant_id]).filter(id__in=notification_ids, membership__erased_at=None)
    found = list(kept.select_related("membership"))
    unread = Notification.objects.in_tenants([tenant_id]).unread_counts({one.membership_id for one in found})
    default = Tenant.objects.values_list("language", flat=True).get(id=tenant_id)
    return {str(one.id): _push_of(one, one.membership.language or default, unread) for one in found}


def _push_of(one: Notification, language: str, unread: Mapping[UUID, int]) -> dict[str, Any]:
    with override(language):
        title = str(TYPES[one.notification_type].title) % {"number": one.data["number"]}
        message = gettext("Open it to read what is new.")
    return {
        "notification_type": one.notification_type,
        "recipient_id": str(one.membership.user_id),
        "recipient_external_id": one.membership.external_id,
        "language": language,
        "title": title,
        "message": message,
        "unread_count": unread.get(one.membership_id, 0),
        "ticket_id": str(one.subject_id) if one.subject_id else None,
        "conversation_id": str(one.conversation_id) if one.conversation_id else None,
        "action": action_of(one),
    }


def action_of(one: Notification) -> dict[str, str]:
    """Where it leads; the program that shows it knows its own host."""
    return {"target": "internal", "path": f"/support/tickets/{one.subject_id}"}
