"""What this person is told, in all their tenants: the bell's page, and what it asks while a page is open."""

from datetime import timedelta
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
from support.admin.pages import ticket_url
from support.notices import texts_of

SHOWN, COUNTED = 50, 99
# An open page asks for news every 4 seconds: what was told longer ago than this has been on it.
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
    lines = [(one, *texts[one.id], ticket_url(one.subject_id)) for one in found if one.subject_id]
    context = {"title": _("Notifications"), "lines": lines, "here": here}
    return render(request, "support/notifications.html", {**admin.site.each_context(request), **context})


def notifications_news(request: HttpRequest) -> JsonResponse:
    """How many are unread, counted up to a hundred, and what the newest of them says."""
    staff = staff_at(request)
    unread = list(_listed(staff).unread().newest_first()[: COUNTED + 1])
    return JsonResponse({"unread": len(unread), "newest": _told(unread[0], staff) if unread else None})


def _told(one: Notification, staff: Staff) -> dict[str, str]:
    title, message = texts_of([one], staff)[one.id]
    address = ticket_url(one.subject_id) if one.subject_id else reverse("admin:support_ticket_notifications")
    return {"id": str(one.id), "title": title, "message": message, "address": address}


def note_read(actor: Actor, conversation_id: UUID, *, told_before: timedelta = timedelta(0)) -> None:
    """Somebody has the ticket before their eyes: what told of it, so long ago at least, is read."""
    now = timezone.now()
    told = Notification.objects.of_conversation(actor, conversation_id).unread()
    told.filter(created_at__lte=now - told_before).update(read_at=now)


def _people(staff: Staff) -> list[Actor]:
    return [actor for actor in staff.actors if actor.membership_id is not None]


def _listed(staff: Staff) -> NotificationQuerySet:
    return Notification.objects.listed_of(staff, staff.membership_ids, at=timezone.now())
