"""How open pages of the admin get into the stream: by a form, so with session, CSRF token and second factor."""

from datetime import UTC, datetime

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_POST

from ondi.staff.entry import staff_at
from ondi.staff.session_limits import BEGAN
from ondi.streaming.tickets import address_of, issue_admin_ticket


@require_POST
def live(request: HttpRequest) -> JsonResponse:
    """The stream's address with a ticket, good once; none for who sees no tickets."""
    staff = staff_at(request)
    if not staff.support_tenant_ids or not request.session.session_key:
        return JsonResponse({"url": None})
    began = datetime.fromtimestamp(request.session.get(BEGAN, 0), UTC)
    ticket, _expires_at = issue_admin_ticket(
        tenant_id=staff.support_tenant_ids[0],
        user_id=staff.user.id,
        session=request.session.session_key,
        ends_at=began + settings.STAFF_SESSION_LIMIT,
    )
    return JsonResponse({"url": address_of(ticket, request.build_absolute_uri("/").rstrip("/"))})
