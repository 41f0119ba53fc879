"""The platform keeps orders, deliveries and customers current, with a tenant's API key."""

from typing import cast
from uuid import UUID

from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from deliveries.api import docs
from deliveries.api.batches import take_deliveries, take_orders
from deliveries.api.serializers import DeliveriesBody, OrdersBody
from ondi.accounts.api_keys import ApiKeyAuthentication, Integration
from ondi.api.responses import success
from ondi.api.views import ApiViewSet, valid_body


class IntegrationViewSet(ApiViewSet):
    authentication_classes = (ApiKeyAuthentication,)

    @docs.put_orders
    def orders(self, request: Request) -> Response:
        rows = valid_body(OrdersBody, request)["orders"]
        return success(_("Orders taken in"), {"results": take_orders(_tenant(request), rows)})

    @docs.put_deliveries
    def deliveries(self, request: Request) -> Response:
        rows = valid_body(DeliveriesBody, request)["deliveries"]
        return success(_("Deliveries taken in"), {"results": take_deliveries(_tenant(request), rows)})


def _tenant(request: Request) -> UUID:
    return cast(Integration, request.user).tenant_id
