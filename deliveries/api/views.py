"""The platform keeps orders, deliveries and customers current, with a tenant's API key."""

from collections.abc import Callable, Sequence
from typing import Any, cast
from uuid import UUID

from django.db import IntegrityError
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from deliveries.api import docs
from deliveries.api.batches import take_deliveries, take_orders
from deliveries.api.serializers import DeliveriesBody, OrdersBody
from ondi.accounts.api_keys import ApiKeyAuthentication, HasScope, Integration
from ondi.accounts.models import ONE_PERSON_PER_ADDRESS, Scope
from ondi.api.responses import success
from ondi.api.views import ApiViewSet, valid_body
from ondi.common.database import broken_constraint
from ondi.common.errors import ServiceUnavailable


class IntegrationViewSet(ApiViewSet):
    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = (HasScope,)
    scope = Scope.CATALOGUE_WRITE

    @docs.put_orders
    def orders(self, request: Request) -> Response:
        rows = valid_body(OrdersBody, request)["orders"]
        return success(_("Orders taken in"), {"results": _taken_in(take_orders, request, rows)})

    @docs.put_deliveries
    def deliveries(self, request: Request) -> Response:
        rows = valid_body(DeliveriesBody, request)["deliveries"]
        return success(_("Deliveries taken in"), {"results": _taken_in(take_deliveries, request, rows)})


def _taken_in(
    take: Callable[[UUID, Sequence[Any]], list[dict[str, Any]]], request: Request, rows: Sequence[Any]
) -> list[dict[str, Any]]:
    try:
        return take(cast(Integration, request.user).tenant_id, rows)
    except IntegrityError as error:
        if broken_constraint(error) != ONE_PERSON_PER_ADDRESS:
            raise
        # Batches wait for each other; but staff gave somebody this very address at this very moment. Sent again,
        # the batch finds them.
        raise ServiceUnavailable from error
