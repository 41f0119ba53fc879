"""The page behind a mail's "no more of these": only its button, or one click in a mail program, changes anything."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from ondi.accounts.models import Membership
from ondi.api.middleware import answers_html
from ondi.api.responses import error_response
from ondi.notifications.errors import UnsubscribeLinkInvalid
from ondi.notifications.unsubscribing import unsubscribe, unsubscribing


@csrf_exempt  # the token says whose click it is; a mail program has no cookie
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe_page(request: HttpRequest, token: str) -> HttpResponse:
    """A page for people, an envelope for mail programs, which do not ask for a page."""
    wants_page = answers_html(request)
    try:
        member = unsubscribing(token=token)
        if request.method == "POST":
            unsubscribe(token=token)
    except UnsubscribeLinkInvalid as error:
        if not wants_page:
            return error_response(error)
        return render(request, "notifications/unsubscribe.html", {"fault": str(error)}, status=404)
    with override(member.language or member.tenant.language):
        if wants_page:
            return render(request, "notifications/unsubscribe.html", _said(member, is_done=request.method == "POST"))
        message = _("You get no more of these mails.")
    return JsonResponse({"success": True, "message": message, "data": {}})


def _said(member: Membership, *, is_done: bool) -> dict[str, object]:
    return {"tenant": member.tenant.name, "is_done": is_done}
