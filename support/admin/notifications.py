"""What this person is told, in all their tenants: the bell's page, and what it asks while a page is open."""

from datetime import datetime, timedelta
from uuid import UUID

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from ondi.accounts.actors import Actor
from ondi.notifications.models import Notification
from ondi.notifications.querysets import NotificationQuerySet
from ondi.notifications.services import mark_notifications_read
from ondi.staff.entry import Staff, staff_at
from support.admin.drafts import told_of_drafts
from support.admin.pages import ticket_url
from support.notices import HELD_FOR, OF_WEBHOOKS, texts_of

SHOWN, COUNTED = 50, 99
# An open page that somebody looks at asks again ten seconds after it was told something, or every four where it polls:
# what was told longer ago than this has been on it, before what is held back (`HELD_FOR`) would count.
ON_SCREEN_FOR = timedelta(seconds=8)


def notifications(request: HttpRequest) -> HttpResponse:
    """The list, newest first; posted to, all of it is read."""
    staff, here = staff_at(request), reverse("admin:support_ticket_notifications")
    if request.method == "POST":
        for actor in _people(staff):
            mark_notifications_read(actor=actor)
        messages.success(request, _("All notifications are read."))
        return redirect(here)
    found = list(_listed(staff).newest_first()[:SHOWN])
    texts = texts_of(found, staff)
    lines = [(one, *texts[one.id], _address_of(one)) for one in found if one.subject_id]
    context = {"title": _("Notifications"), "lines": lines, "here": here}
    return render(request, "support/notifications.html", {**admin.site.each_context(request), **context})


def notifications_news(request: HttpRequest) -> JsonResponse:
    """How many are unread, counted up to a hundred, what the newest of them says, and when to look again.

    `again_in`: seconds until one counts that is held back, from somebody who may be reading what it tells of. `drafts`:
    what they sent that waits still, or could not be sent.
    """
    staff, now = staff_at(request), timezone.now()
    found = list(_listed(staff, at=now + HELD_FOR).unread().newest_first()[: COUNTED + 1])
    unread = [one for one in found if one.shown_at <= now]
    held = [(one.shown_at - now).total_seconds() for one in found if one.shown_at > now]
    newest = _told(unread[0], staff) if unread else None
    told = {"unread": len(unread), "newest": newest, "again_in": min(held, default=None)}
    return JsonResponse({**told, "drafts": told_of_drafts(staff)})


def _told(one: Notification, staff: Staff) -> dict[str, str]:
    title, message = texts_of([one], staff)[one.id]
    return {"id": str(one.id), "title": title, "message": message, "address": _address_of(one)}


def _address_of(one: Notification) -> str:
    """The page of what it tells of."""
    if one.subject_id is None:
        return reverse("admin:support_ticket_notifications")
    if one.notification_type in OF_WEBHOOKS:
        return reverse("admin:webhooks_endpoint_change", args=[one.subject_id])
    return ticket_url(one.subject_id)


def note_read(actor: Actor, conversation_id: UUID, *, told_before: timedelta = timedelta(0)) -> bool:
    """Somebody has the ticket before their eyes: what told of it, so long ago at least, is read; whether any was."""
    now = timezone.now()
    told = Notification.objects.of_conversation(actor, conversation_id).unread()
    return told.filter(created_at__lte=now - told_before).update(read_at=now) > 0


def _people(staff: Staff) -> list[Actor]:
    return [actor for actor in staff.actors if actor.membership_id is not None]


def _listed(staff: Staff, *, at: datetime | None = None) -> NotificationQuerySet:
    return Notification.objects.listed_of(staff, staff.membership_ids, at=at or timezone.now())
