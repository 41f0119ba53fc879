"""What a provider reports of mails: an address that bounced for good, or complained, gets no more of its tenant's."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import structlog
from anymail.exceptions import AnymailConfigurationError, AnymailError
from anymail.signals import AnymailTrackingEvent, EventType, RejectReason, tracking
from anymail.urls import urlpatterns as anymail_pages
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern

from ondi.api.errors import BadRequest
from ondi.common.ids import parse_id
from ondi.notifications.addresses import BOUNCED, COMPLAINED, suppress
from ondi.tenants.scope import find_tenants, tenant_scope

FOR_GOOD = {EventType.BOUNCED: BOUNCED, EventType.REJECTED: BOUNCED, EventType.COMPLAINED: COMPLAINED}
FOR_NOW = {RejectReason.TIMED_OUT, RejectReason.BLOCKED}
# Anymail's views take for granted that what knows the secret is what its provider sends.
NOT_A_REPORT = (AnymailError, AnymailConfigurationError, ValueError, LookupError, TypeError, AttributeError)
log = structlog.get_logger(__name__)


@receiver(tracking)
def hear(event: AnymailTrackingEvent, **_signal: Any) -> None:
    """Anymail has checked who calls; whose mail it was, we put in when it was sent."""
    tenant_id = parse_id((event.metadata or {}).get("tenant"))
    reason = FOR_GOOD.get(event.event_type)
    if reason is None or event.reject_reason in FOR_NOW or not event.recipient:
        return
    if tenant_id is not None and tenant_id in find_tenants().values():
        with tenant_scope(tenant_id):
            suppress(tenant_id=tenant_id, address=event.recipient, reason=reason)


def provider_pages() -> list[URLPattern]:
    """Where providers report; what is no report of theirs is refused with `BadRequest`."""
    return [URLPattern(one.pattern, _refusing(one.callback), name=one.name) for one in anymail_pages]


def _refusing(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    @wraps(view)
    def read(request: HttpRequest, *parts: Any, **named: Any) -> HttpResponse:
        try:
            return view(request, *parts, **named)
        except NOT_A_REPORT as error:
            log.warning("mail_report_not_read", kind=type(error).__name__)
            raise BadRequest from error

    return read
