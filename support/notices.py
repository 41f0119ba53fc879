"""The notifications of tickets: their types and texts, and what these texts are filled with. API.md, section 11."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext, override
from django.utils.translation import gettext_lazy as _

from ondi.accounts.models import Membership
from ondi.common.querysets import Viewer
from ondi.notifications.models import Notification
from ondi.notifications.texts import Texts, built_in, texts_for
from ondi.notifications.types import TYPES, Audience, Channel, NotificationType, When, register
from ondi.tenants.models import Tenant
from ondi.webhooks.notices import DISABLED, FAILING
from support.models import Ticket

OF_WEBHOOKS = (FAILING, DISABLED)
# So long nobody is told of what happened on a ticket that they have on their screen: they may read it there.
HELD_FOR = timedelta(seconds=15)
REPLY, OPENED = "support_reply", "support_ticket_opened"
CLOSED, REOPENED = "support_ticket_closed", "support_ticket_reopened"
NEW, ASSIGNED, CUSTOMER_REPLIED = "support_ticket_new", "support_ticket_assigned", "support_customer_replied"
MENTION, TAKEN_OVER = "support_mention", "support_ticket_taken_over"
SLA_WARNING, SLA_BREACHED = "sla_warning", "sla_breached"

_WHO = "{who_and_subject}"
_SOON, _LATER = timedelta(minutes=2), timedelta(minutes=5)
_UNREAD_TOO = {Channel.EMAIL: When.UNREAD, Channel.PUSH: When.NOW}
_IN_APP_ONLY = {Channel.EMAIL: (When.OFF,), Channel.PUSH: (When.OFF,)}
# A subject is somebody's words: no push says them, and a mail only in full and to proved addresses.
_OUTSIDE = ("ticket_number", "tenant")
_OPEN_TO_TENANTS = {Channel.IN_APP: (*_OUTSIDE, "ticket_subject"), Channel.EMAIL: _OUTSIDE, Channel.PUSH: _OUTSIDE}


def _for_customers(name: str, title: Promise) -> NotificationType:
    return NotificationType(
        name, Audience.CUSTOMERS, title, "{ticket_subject}", _SOON, _UNREAD_TOO, placeholders=_OPEN_TO_TENANTS
    )


register(
    _for_customers(REPLY, _("Answer to ticket #{ticket_number}")),
    _for_customers(OPENED, _("Ticket #{ticket_number} was opened for you")),
    _for_customers(CLOSED, _("Ticket #{ticket_number} was closed")),
    _for_customers(REOPENED, _("Ticket #{ticket_number} was opened again")),
    NotificationType(
        NEW, Audience.STAFF, _("New ticket #{ticket_number}"), "{ticket_subject}", _LATER,
        {Channel.IN_APP: When.OFF}, _IN_APP_ONLY,
    ),
    NotificationType(
        ASSIGNED, Audience.STAFF, _("Ticket #{ticket_number} was assigned to you"), _WHO, _LATER,
        {Channel.EMAIL: When.UNREAD},
    ),
    NotificationType(
        CUSTOMER_REPLIED, Audience.STAFF, _("New message in ticket #{ticket_number}"), _WHO, _LATER,
        {Channel.EMAIL: When.UNREAD},
    ),
    NotificationType(
        MENTION, Audience.STAFF, _("You were mentioned in ticket #{ticket_number}"), _WHO, _LATER,
        {Channel.EMAIL: When.NOW}, {Channel.IN_APP: (When.NOW,)},
    ),
    NotificationType(
        TAKEN_OVER, Audience.STAFF, _("Your ticket #{ticket_number} was taken over"), _WHO, _LATER,
    ),
    NotificationType(SLA_WARNING, Audience.STAFF, _("Ticket #{ticket_number} is due soon"), _WHO, _LATER),
    NotificationType(SLA_BREACHED, Audience.STAFF, _("Ticket #{ticket_number} is overdue"), _WHO, _LATER),
)  # fmt: skip

NAMES = [(name, name) for name in TYPES]
SAMPLE_NUMBER = 1042


def sample_facts(tenant: Tenant) -> dict[str, Any]:
    """What a text is filled with where somebody only looks at it; in the language in force."""
    return {"ticket_number": SAMPLE_NUMBER, "ticket_subject": gettext("Where is my order?"), "tenant": tenant.name}


def texts_of(notifications: Sequence[Notification], viewer: Viewer) -> dict[UUID, tuple[str, str]]:
    """Title and message of each for this reader, in the language in force.

    Two statements; three for somebody who is told things both as a customer and as staff. What was purged meanwhile
    says nothing, what was erased says so.
    """
    texts = texts_for(notifications, Channel.IN_APP)
    tickets = {one.subject_id for one in notifications if one.subject_id}
    subjects = dict(Ticket.objects.in_tenants(viewer.tenant_ids).filter(id__in=tickets).values_list("id", "subject"))
    actors = _actors_in(notifications, viewer)
    found = {}
    for one in notifications:
        subject = subjects.get(one.subject_id, "") if one.subject_id else ""
        actor = actors.get(one.actor_id) if one.actor_id else None
        text = texts.of(
            one,
            **facts_of(one),
            ticket_subject=subject,
            who_and_subject=f"{actor}: {subject}" if actor else subject,
        )
        found[one.id] = (text.title, text.message)
    return found


def facts_of(one: Notification) -> dict[str, Any]:
    """The numbers and codes that it holds, as texts name them."""
    return {"ticket_number": one.data.get("number"), **one.data}


def _actors_in(notifications: Sequence[Notification], viewer: Viewer) -> dict[UUID, str]:
    """The names that texts for staff begin with; customers' texts name nobody."""
    for_staff = [one for one in notifications if TYPES[one.notification_type].audience is not Audience.CUSTOMERS]
    people = {one.actor_id for one in for_staff if one.actor_id}
    if not people:
        return {}
    found = Membership.objects.in_tenants(viewer.tenant_ids).filter(id__in=people)
    return {person.id: str(person) for person in found}


def title_for_staff(kind: str, number: int) -> str:
    """What was told, as a colleague reads of it: the built-in words, in the language in force."""
    return built_in(TYPES[kind], Channel.IN_APP).filled({"ticket_number": number}).title


PUSHED = (
    "notification_type", "recipient_id", "recipient_external_id", "language", "title", "message", "unread_count",
    "ticket_id", "conversation_id", "action",
)  # fmt: skip


def pushes_of(tenant_id: UUID, notification_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What the platform's push of each says, in its reader's language and without anybody's words, by its id.

    None of those that are no longer kept, or whose reader was erased. Four statements, none where none is asked for.
    """
    if not notification_ids:
        return {}
    kept = Notification.objects.in_tenants([tenant_id]).filter(id__in=notification_ids, membership__erased_at=None)
    found = list(kept.select_related("membership"))
    unread = Notification.objects.in_tenants([tenant_id]).unread_counts({one.membership_id for one in found})
    default = Tenant.objects.values_list("language", flat=True).get(id=tenant_id)
    texts = texts_for(found, Channel.PUSH)
    return {str(one.id): _push_of(one, one.membership.language or default, texts, unread) for one in found}


def _push_of(one: Notification, language: str, texts: Texts, unread: Mapping[UUID, int]) -> dict[str, Any]:
    with override(language):
        text = texts.of(one, **facts_of(one))
    return {
        "notification_type": one.notification_type,
        "recipient_id": str(one.membership.user_id),
        "recipient_external_id": one.membership.external_id,
        "language": language,
        "title": text.title,
        "message": text.message,
        "unread_count": unread.get(one.membership_id, 0),
        "ticket_id": ticket_of(one),
        "conversation_id": str(one.conversation_id) if one.conversation_id else None,
        "action": action_of(one),
    }


def ticket_of(one: Notification) -> str | None:
    is_of_ticket = one.subject_id is not None and one.notification_type not in OF_WEBHOOKS
    return str(one.subject_id) if is_of_ticket else None


def action_of(one: Notification) -> dict[str, str]:
    """Where it leads; the program that shows it knows its own host."""
    where = "settings/webhooks" if one.notification_type in OF_WEBHOOKS else "support/tickets"
    return {"target": "internal", "path": f"/{where}/{one.subject_id}"}
