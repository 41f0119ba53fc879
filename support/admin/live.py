"""How open pages of the admin get into the stream: by a form, so with session, CSRF token and second factor."""

from datetime import UTC, datetime

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_POST

from ondi.api.views import address_of
from ondi.common.ids import parse_id
from ondi.staff.entry import staff_at
from ondi.staff.session_limits import BEGAN
from ondi.streaming.tickets import address_of as stream_address
from ondi.streaming.tickets import issue_admin_ticket
from support.admin.pages import tickets_seen_by


@require_POST
def live(request: HttpRequest) -> JsonResponse:
    """The stream's address with a ticket, good once; none for who sees no tickets.

    `ticket`: the one that the page shows, at which they count as present while they listen; none of theirs is a 404.
    """
    staff = staff_at(request)
    if not staff.support_tenant_ids or not request.session.session_key:
        return JsonResponse({"url": None})
    shown = None
    if "ticket" in request.POST:
        key = parse_id(request.POST["ticket"])
        shown = tickets_seen_by(staff).filter(id=key).values_list("tenant_id", "id").first() if key else None
        if shown is None:
            request.row_not_found = True  # type: ignore[attr-defined]  # for the audit: it may be another tenant's
            return JsonResponse({"url": None}, status=404)
    tenant_id, ticket_id = shown or (staff.support_tenant_ids[0], None)
    began = datetime.fromtimestamp(request.session.get(BEGAN, 0), UTC)
    ticket, _expires_at = issue_admin_ticket(
        tenant_id=tenant_id,
        user_id=staff.user.id,
        session=request.session.session_key,
        ends_at=began + settings.STAFF_SESSION_LIMIT,
        subject_id=ticket_id,
    )
    return JsonResponse({"url": stream_address(ticket, address_of(request))})
