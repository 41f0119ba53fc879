"""The change feeds: what happened from a position on, for tools of people and for the tenant's own programs."""

from typing import Any, cast

from django.http import QueryDict
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from ondi.accounts.actors import Actor
from ondi.accounts.api_keys import ApiKeyAuthentication, HasScope, Integration
from ondi.accounts.authentication import actor_of
from ondi.accounts.models import Scope
from ondi.api.parameters import whole_number
from ondi.api.responses import success
from ondi.api.views import ApiViewSet
from ondi.common.errors import InvalidInput
from ondi.outbox.feed import Changes
from ondi.outbox.models import Event
from support.api.messaging import changes_docs as docs
from support.changes import live_data, own_changes, tenant_changes, webhook_data

DEFAULT_LIMIT, MOST = 100, 200


class OwnChangesViewSet(ApiViewSet):
    queryset = Event.objects.none()

    @docs.own_changes
    def list(self, request: Request) -> Response:
        actor: Actor = actor_of(request)
        found = own_changes(actor, *_wanted(request.query_params))
        return _answer(found, [live_data(event, actor) for event in found.events])


class TenantChangesViewSet(ApiViewSet):
    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = (HasScope,)
    scope = Scope.CHANGES_READ
    queryset = Event.objects.none()

    @docs.tenant_changes
    def list(self, request: Request) -> Response:
        tenant_id = cast(Integration, request.user).tenant_id
        found = tenant_changes(tenant_id, *_wanted(request.query_params))
        return _answer(found, webhook_data(found.events))


def _answer(found: Changes, changes: list[dict[str, Any]]) -> Response:
    data = {"changes": changes, "next_position": found.next_position, "has_more": found.has_more}
    return success(_("Changes retrieved"), data)


def _wanted(parameters: QueryDict) -> tuple[int | None, int]:
    """`after` and `limit`. Raises `InvalidInput` on the one at fault."""
    after, limit = (whole_number(parameters.getlist(name), name) for name in ("after", "limit"))
    limit = DEFAULT_LIMIT if limit is None else limit
    if not 1 <= limit <= MOST:
        raise InvalidInput({"limit": ["min_value" if limit < 1 else "max_value"]})
    return after, limit
