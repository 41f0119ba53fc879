"""Managing a tenant's webhooks."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from ondi.accounts.actors import Actor
from ondi.common.errors import InvalidInput, NotFound
from ondi.outbox.publishing import kinds
from ondi.tenants.models import Tenant
from ondi.webhooks.addresses import fault_of, host_of, networks_of
from ondi.webhooks.chores import DELIVERIES_KEPT
from ondi.webhooks.errors import SecretRotated, SubscriptionLimitReached, SubscriptionNotFound
from ondi.webhooks.models import EVERYTHING, TEST, Attempt, Breaker, Endpoint, WebhookDelivery
from ondi.webhooks.policies import managing_refusal
from ondi.webhooks.secrets import new_secret, sealed
from ondi.webhooks.sending import hold

MOST_ENDPOINTS = 20
BOTH_SIGN_FOR = timedelta(hours=24)
MOST_PREVIOUS = 10  # secrets that sign beside the newest: a header has to hold their signatures


def known_events() -> list[str]:
    """What a webhook may ask for."""
    return [EVERYTHING, TEST, *sorted(kinds())]


@transaction.atomic
def create_endpoint(*, actor: Actor, values: Mapping[str, Any], at: datetime | None = None) -> tuple[Endpoint, str]:
    """A new webhook, and its secret, which is never to be had again. Locks the tenant's settings.

    `values`: `url`, `events`, and what else is given of `description`, `is_active`, `header_name`, `header_value`.
    Raises `PermissionDenied`, `InvalidInput`, `SubscriptionLimitReached`.
    """
    tenant = _tenant_managed_by(actor)
    endpoint = Endpoint(tenant=tenant, created_at=at or timezone.now())
    take_over(endpoint, values, tenant)
    if Endpoint.objects.visible_to(actor).count() >= MOST_ENDPOINTS:
        raise SubscriptionLimitReached
    secret = new_secret()
    endpoint.secret = sealed(secret)
    endpoint.save(force_insert=True)
    return endpoint, secret


@transaction.atomic
def change_endpoint(
    *, actor: Actor, endpoint_id: UUID, values: Mapping[str, Any], at: datetime | None = None
) -> Endpoint:
    """What is given is changed; `is_active` revives one that was disabled. Locks the endpoint, and what waits for it.

    Raises `PermissionDenied`, `SubscriptionNotFound`, `InvalidInput`.
    """
    endpoint = _locked(actor, endpoint_id)
    take_over(endpoint, values, endpoint.tenant)
    if values.get("is_active"):
        endpoint.disabled_at, endpoint.disabled_reason = None, ""
        endpoint.failing_since, endpoint.told_hours = None, 0
        Breaker.objects.visible_to(actor).filter(host=endpoint.host).delete()
    endpoint.save()
    if not endpoint.is_active:
        hold(endpoint)
    elif values.get("is_active"):
        held = WebhookDelivery.objects.visible_to(actor).waiting().filter(endpoint=endpoint, next_at=None)
        held.update(next_at=at or timezone.now())
    return endpoint


@transaction.atomic
def delete_endpoint(*, actor: Actor, endpoint_id: UUID) -> None:
    """With its deliveries. Locks it. Raises `PermissionDenied`, `SubscriptionNotFound`."""
    endpoint = _locked(actor, endpoint_id)
    Attempt.objects.visible_to(actor).filter(delivery__endpoint=endpoint).delete()
    WebhookDelivery.objects.visible_to(actor).filter(endpoint=endpoint).delete()
    endpoint.delete()


@transaction.atomic
def rotate_secret(
    *, actor: Actor, endpoint_id: UUID, seen_at: datetime | None = None, at: datetime | None = None
) -> tuple[Endpoint, str]:
    """A new secret; the one until now signs beside it for 24 hours, and with it those before that still do.

    `seen_at`: when the one who asks looked at it; where it was rotated since, in another tab or by somebody else, it is
    not rotated again. Locks the endpoint. Raises `PermissionDenied`, `SubscriptionNotFound`, `SecretRotated`.
    """
    endpoint, at = _locked(actor, endpoint_id), at or timezone.now()
    if seen_at is not None and endpoint.previous_until and endpoint.previous_until > seen_at + BOTH_SIGN_FOR:
        raise SecretRotated
    endpoint.previous_secret = " ".join([endpoint.secret, *endpoint.previous_secrets(at)][:MOST_PREVIOUS])
    endpoint.previous_until = at + BOTH_SIGN_FOR
    secret = new_secret()
    endpoint.secret = sealed(secret)
    endpoint.save()
    return endpoint, secret


@transaction.atomic
def send_test(*, actor: Actor, endpoint_id: UUID, at: datetime | None = None) -> WebhookDelivery:
    """Have it called soon with an event that is none, whether it is active or not. Locks it.

    Raises `PermissionDenied`, `SubscriptionNotFound`.
    """
    endpoint, at = _locked(actor, endpoint_id), at or timezone.now()
    return WebhookDelivery.objects.create(
        tenant_id=endpoint.tenant_id, endpoint=endpoint, kind=TEST, next_at=at, created_at=at
    )


@transaction.atomic
def replay_delivery(*, actor: Actor, delivery_id: UUID, at: datetime | None = None) -> WebhookDelivery:
    """Have one sent again, whatever came of it; one that waits is sent now. Locks the endpoint, then the delivery.

    Raises `PermissionDenied`, `NotFound`.
    """
    wanted = WebhookDelivery.objects.visible_to(actor).filter(id=delivery_id)
    found = wanted.first()
    if found is None:
        raise managing_refusal(actor) or NotFound
    endpoint = _locked(actor, found.endpoint_id)
    delivery = wanted.locked().get()
    if delivery.leased_until is None:  # else it is being sent just now
        delivery.state, delivery.failures = WebhookDelivery.State.WAITING, 0
        delivery.next_at = _due_at(endpoint, delivery, at or timezone.now())
        delivery.save()
    return delivery


def _due_at(endpoint: Endpoint, delivery: WebhookDelivery, at: datetime) -> datetime | None:
    return at if endpoint.is_active or delivery.position is None else None


@transaction.atomic
def replay_dead(*, actor: Actor, endpoint_id: UUID, at: datetime | None = None) -> int:
    """Have all sent again that were given up; how many. Locks the endpoint.

    Raises `PermissionDenied`, `SubscriptionNotFound`.
    """
    endpoint = _locked(actor, endpoint_id)
    dead = WebhookDelivery.objects.visible_to(actor).filter(
        endpoint=endpoint, state=WebhookDelivery.State.DEAD, position__isnull=False
    )
    number: int = dead.update(state=WebhookDelivery.State.WAITING, failures=0, next_at=_now_or_held(endpoint, at))
    return number


def _now_or_held(endpoint: Endpoint, at: datetime | None) -> datetime | None:
    return (at or timezone.now()) if endpoint.is_active else None


_REPLAY_SINCE = """
INSERT INTO webhooks_delivery
    (id, tenant_id, endpoint_id, position, kind, ticket_id, state, attempts, failures, next_at, created_at)
SELECT gen_random_uuid(), e.tenant_id, %(endpoint)s, e.position, e.kind,
    CASE WHEN e.data ? 'ticket_number' THEN e.subject_id END, 'waiting', 0, 0, %(due)s, %(at)s
FROM outbox_event AS e
WHERE e.tenant_id = %(tenant)s AND e.at >= %(since)s AND NOT e.is_silent AND (%(all)s OR e.kind = ANY (%(kinds)s))
ON CONFLICT (tenant_id, endpoint_id, position) DO UPDATE
SET state = 'waiting', failures = 0, next_at = EXCLUDED.next_at WHERE webhooks_delivery.leased_until IS NULL
"""


@transaction.atomic
def replay_since(*, actor: Actor, endpoint_id: UUID, since: datetime, at: datetime | None = None) -> int:
    """Have all sent that happened since then, also what it was never told of; how many. Locks the endpoint.

    Raises `PermissionDenied`, `SubscriptionNotFound`, and `InvalidInput` for a moment to come or before what is kept.
    """
    endpoint, now = _locked(actor, endpoint_id), at or timezone.now()
    if not now - DELIVERIES_KEPT <= since <= now:
        raise InvalidInput({"since": ["max_value" if since > now else "min_value"]})
    with connection.cursor() as cursor:
        cursor.execute(
            _REPLAY_SINCE,
            {
                "tenant": endpoint.tenant_id, "endpoint": endpoint.id, "since": since, "at": now,
                "due": _now_or_held(endpoint, now), "all": EVERYTHING in endpoint.events, "kinds": endpoint.events,
            },
        )  # fmt: skip
        number: int = cursor.rowcount
    return number


def forget_answers(tenant_id: UUID) -> None:
    """Empty all that a tenant's programs answered: it may say anything of somebody who is erased."""
    Attempt.objects.in_tenants([tenant_id]).exclude(answer="").update(answer="")


def _tenant_managed_by(actor: Actor) -> Tenant:
    """Locked: endpoints are counted."""
    if refusal := managing_refusal(actor):
        raise refusal
    return Tenant.objects.select_for_update(no_key=True).get(id=actor.tenant_id)


def _locked(actor: Actor, endpoint_id: UUID) -> Endpoint:
    if refusal := managing_refusal(actor):
        raise refusal
    endpoint = Endpoint.objects.visible_to(actor).filter(id=endpoint_id).select_related("tenant").locked().first()
    if endpoint is None:
        raise SubscriptionNotFound
    return endpoint


def take_over(endpoint: Endpoint, values: Mapping[str, Any], tenant: Tenant) -> None:
    """Write what is given onto it, unsaved. Raises `InvalidInput`."""
    faults: dict[str, list[str]] = {}
    if "url" in values:
        if fault := fault_of(values["url"], networks_of(tenant)):
            faults["webhook_url"] = [fault]
        else:
            endpoint.url, endpoint.host = values["url"], host_of(values["url"])
    if "events" in values:
        if set(values["events"]) <= set(known_events()):
            endpoint.events = list(dict.fromkeys(values["events"]))
        else:
            faults["events"] = ["invalid_choice"]
    for name in ("description", "is_active"):
        if name in values:
            setattr(endpoint, name, values[name])
    _take_over_header(endpoint, values, faults)
    if faults:
        raise InvalidInput(faults)


def _take_over_header(endpoint: Endpoint, values: Mapping[str, Any], faults: dict[str, list[str]]) -> None:
    """Name and value stand together or not at all: without a name there is no value."""
    if "header_name" in values:
        endpoint.header_name = values["header_name"] or ""
        if not endpoint.header_name:
            endpoint.header_value = ""
    if values.get("header_value"):
        endpoint.header_value = sealed(values["header_value"])
    elif "header_value" in values and "header_name" not in values:
        endpoint.header_name = endpoint.header_value = ""
    if endpoint.header_name and not endpoint.header_value:
        faults["secret_header_value"] = ["required"]
    elif endpoint.header_value and not endpoint.header_name:
        faults["secret_header_name"] = ["required"]
