"""Tickets that open the live stream."""

from typing import cast

from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from ondi.accounts.tokens import Claims
from ondi.api.responses import success
from ondi.api.views import ApiViewSet, address_of
from ondi.common.times import iso
from ondi.streaming.models import StreamTicket
from ondi.streaming.tickets import address_of as stream_address
from ondi.streaming.tickets import issue_ticket
from support.api.messaging import stream_docs as docs


class StreamTicketViewSet(ApiViewSet):
    queryset = StreamTicket.objects.none()

    @docs.ticket
    def create(self, request: Request) -> Response:
        text, expires_at = issue_ticket(cast(Claims, request.auth))
        url = stream_address(text, address_of(request))
        data = {"url": url, "expires_at": iso(expires_at)}
        return success(_("Stream ticket created"), data, status=201)
