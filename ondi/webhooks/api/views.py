"""Webhooks: which programs are called, and what came back. For admins."""

from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from ondi.accounts.authentication import actor_of
from ondi.api.idempotency import idempotent
from ondi.api.pagination import requested_page
from ondi.api.responses import success
from ondi.api.views import ApiViewSet, body_or_refusal, path_id, valid_body
from ondi.webhooks import services
from ondi.webhooks.api import docs
from ondi.webhooks.api.data import (
    ReplayBody,
    SubscriptionBody,
    SubscriptionChanges,
    deliveries_data,
    subscription_data,
    values_of,
    wanted_of_deliveries,
)
from ondi.webhooks.errors import SubscriptionNotFound
from ondi.webhooks.models import Endpoint, WebhookDelivery
from ondi.webhooks.policies import managing_refusal


class MayManageWebhooks(BasePermission):
    def has_permission(self, request: Request, view: Any) -> bool:
        if refusal := managing_refusal(actor_of(request)):
            raise refusal
        return True


def _found(request: Request, subscription_id: str | UUID) -> Endpoint:
    key = path_id(str(subscription_id))
    endpoint = Endpoint.objects.visible_to(actor_of(request)).filter(id=key).first()
    if endpoint is None:
        raise SubscriptionNotFound
    return endpoint


def _kept(request: Request, kept: Any) -> object:
    return kept and _found(request, kept["subscription"]["id"])


def _as_it_is(request: Request, kept: Any, **_path: Any) -> dict[str, Any]:
    return {"subscription": {**subscription_data(_found(request, kept["subscription"]["id"])), "secret": None}}


class SubscriptionViewSet(ApiViewSet):
    permission_classes = (IsAuthenticated, MayManageWebhooks)
    queryset = Endpoint.objects.none()

    @docs.list_subscriptions
    def list(self, request: Request) -> Response:
        page = requested_page(request.query_params)
        own = Endpoint.objects.visible_to(actor_of(request))
        data = {
            "subscriptions": [subscription_data(one) for one in page.rows(own.oldest_first())],
            "pagination": page.describe(own.count()),
        }
        return success(_("Webhooks retrieved"), data)

    @docs.create_subscription
    @idempotent(_kept, again=_as_it_is)
    def create(self, request: Request) -> Response:
        values = values_of(valid_body(SubscriptionBody, request))
        endpoint, secret = services.create_endpoint(actor=actor_of(request), values=values)
        return success(
            _("Webhook created"), {"subscription": {**subscription_data(endpoint), "secret": secret}}, status=201
        )

    @docs.subscription
    def retrieve(self, request: Request, subscription_id: str) -> Response:
        return success(_("Webhook retrieved"), {"subscription": subscription_data(_found(request, subscription_id))})

    @docs.change_subscription
    def partial_update(self, request: Request, subscription_id: str) -> Response:
        key = path_id(subscription_id)
        body = body_or_refusal(SubscriptionChanges, request, lambda: _refuse(request, key))
        endpoint = services.change_endpoint(actor=actor_of(request), endpoint_id=key, values=values_of(body))
        return success(_("Webhook updated"), {"subscription": subscription_data(endpoint)})

    @docs.delete_subscription
    def destroy(self, request: Request, subscription_id: str) -> Response:
        services.delete_endpoint(actor=actor_of(request), endpoint_id=path_id(subscription_id))
        return success(_("Webhook deleted"), {})

    @docs.rotate_secret
    @idempotent(lambda request, _kept, subscription_id: _found(request, subscription_id), again=_as_it_is)
    def rotate_secret(self, request: Request, subscription_id: str) -> Response:
        endpoint, secret = services.rotate_secret(actor=actor_of(request), endpoint_id=path_id(subscription_id))
        return success(_("Secret rotated"), {"subscription": {**subscription_data(endpoint), "secret": secret}})

    @docs.test_subscription
    @idempotent(lambda request, _kept, subscription_id: _found(request, subscription_id))
    def test(self, request: Request, subscription_id: str) -> Response:
        delivery = services.send_test(actor=actor_of(request), endpoint_id=path_id(subscription_id))
        return success(_("The test is on its way"), {"delivery": deliveries_data([delivery])[0]}, status=202)

    @docs.list_deliveries
    def deliveries(self, request: Request, subscription_id: str) -> Response:
        endpoint, page = _found(request, subscription_id), requested_page(request.query_params)
        own = WebhookDelivery.objects.visible_to(actor_of(request)).filter(endpoint=endpoint)
        wanted = own.filter(**wanted_of_deliveries(request.query_params))
        data = {
            "deliveries": deliveries_data(page.rows(wanted.newest_first())),
            "pagination": page.describe(wanted.count()),
        }
        return success(_("Deliveries retrieved"), data)

    @docs.replay_delivery
    def replay_one(self, request: Request, webhook_delivery_id: str) -> Response:
        delivery = services.replay_delivery(actor=actor_of(request), delivery_id=path_id(webhook_delivery_id))
        return success(_("It is sent again"), {"delivery": deliveries_data([delivery])[0]}, status=202)

    @docs.replay_deliveries
    def replay(self, request: Request, subscription_id: str) -> Response:
        actor, key = actor_of(request), path_id(subscription_id)
        body = body_or_refusal(ReplayBody, request, lambda: _refuse(request, key))
        if "since" in body:
            number = services.replay_since(actor=actor, endpoint_id=key, since=body["since"])
        else:
            number = services.replay_dead(actor=actor, endpoint_id=key)
        return success(_("They are sent again"), {"replayed": number}, status=202)


def _refuse(request: Request, key: UUID) -> None:
    _found(request, key)
