"""Calling the programs that are due: taken with a lease, called outside of any transaction, recorded.

Killed in between, a delivery is taken again when its lease ends; who was frozen meanwhile records nothing any more.
One call waits for no other: many are under way at once, and a turn records those that ended.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from cryptography.fernet import InvalidToken
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from ondi.outbox.models import Event
from ondi.outbox.outgoing import Outgoing, due_by_tenant, gate
from ondi.tenants.models import Tenant
from ondi.tenants.scope import tenant_scope
from ondi.webhooks.addresses import Networks, networks_of
from ondi.webhooks.models import TEST, Attempt, Breaker, Endpoint, WebhookDelivery
from ondi.webhooks.notices import DISABLED, FAILING, tell_admins
from ondi.webhooks.payloads import bodies_of
from ondi.webhooks.querysets import WebhookDeliveryQuerySet
from ondi.webhooks.schedule import DISABLED_AFTER, TOLD_AFTER, next_try, note
from ondi.webhooks.secrets import opened
from ondi.webhooks.sender import LIMIT, Call, Outcome, Resolver, resolve, send
from ondi.webhooks.signing import signature_headers

LEASE = timedelta(minutes=1)
AT_ONCE, MOST_CALLS = 50, 64
TURN = 0.1  # seconds that a turn waits for calls to end
GONE, NOT_KEPT = 410, "event_not_kept"
HIDDEN = "…"
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Taken:
    """A delivery that is this process's until its lease ends. `number`: of the attempt."""

    id: UUID
    tenant_id: UUID
    endpoint_id: UUID
    number: int


@dataclass(frozen=True, slots=True)
class Ready:
    """What is to be done with it: a call; or there is none to make, and this came of it."""

    taken: Taken
    doing: Call | Outcome


Result = tuple[Taken, Outcome]


class Sending:
    """The calls that are under way in this process. To be used by one thread."""

    def __init__(self, resolver: Resolver = resolve) -> None:
        self._resolver = resolver
        self._pool = ThreadPoolExecutor(MOST_CALLS, thread_name_prefix="webhook")
        self._under_way: dict[Future[Outcome], Taken] = {}

    def turn(self, *, at: datetime | None = None) -> int:
        """Begin what is due, record what ended; how much there is to do, 0 where there is nothing."""
        begun = self._begin(at or timezone.now())
        done, _others = wait(self._under_way, timeout=TURN if self._under_way else 0, return_when=FIRST_COMPLETED)
        record([(self._under_way.pop(call), call.result()) for call in done], at or timezone.now())
        return begun + len(done) + len(self._under_way)

    def _begin(self, at: datetime) -> int:
        most = min(AT_ONCE, MOST_CALLS - len(self._under_way))
        begun = 0
        for tenant_id, keys in due_by_tenant(gate(Outgoing.WEBHOOK), "ondi_claim_deliveries", at, LEASE, most):
            begun += len(keys)
            for one in _prepared(tenant_id, keys, at):
                if not gate(Outgoing.WEBHOOK).lets_out(tenant_id):
                    _put_back(one.taken, at)
                elif isinstance(one.doing, Outcome):
                    record([(one.taken, one.doing)], at)
                else:
                    call = self._pool.submit(send, one.doing, resolver=self._resolver)
                    self._under_way[call] = one.taken
        return begun


def send_due(*, at: datetime | None = None, resolver: Resolver = resolve) -> int:
    """Turns until nothing is due or under way any more; how many there were. For tests and commands."""
    sending, turns = Sending(resolver), 0
    while sending.turn(at=at):
        turns += 1
    return turns


def _prepared(tenant_id: UUID, keys: Sequence[UUID], at: datetime) -> list[Ready]:
    """What is to be sent for these deliveries, made of their events as they are now."""
    with tenant_scope(tenant_id):
        tenant = Tenant.objects.get(id=tenant_id)
        own = WebhookDelivery.objects.in_tenants([tenant_id]).waiting().filter(id__in=keys, leased_until__gt=at)
        deliveries = list(own.select_related("endpoint"))
        bodies = _bodies(tenant_id, deliveries)
        networks = networks_of(tenant)
    return [
        Ready(Taken(one.id, tenant_id, one.endpoint_id, one.attempts), _doing(one, bodies, networks, at))
        for one in deliveries
    ]


def _doing(
    delivery: WebhookDelivery, bodies: Mapping[UUID, bytes | None], networks: Networks, at: datetime
) -> Call | Outcome:
    if delivery.id not in bodies:
        return Outcome(0, error=NOT_KEPT)
    body = bodies[delivery.id]
    if body is None:
        return Outcome(0, error="not_written")
    try:
        headers = _headers(delivery, body, at)
    except InvalidToken:
        return Outcome(0, error="secret_not_readable")
    return Call(delivery.endpoint.url, headers, body, networks, LIMIT / settings.WEBHOOK_HASTE)


def _bodies(tenant_id: UUID, deliveries: Sequence[WebhookDelivery]) -> dict[UUID, bytes | None]:
    """By delivery; None where an event cannot be said. What is no longer kept is not there."""
    positions = {one.position for one in deliveries if one.position is not None}
    kept = {one.position: one for one in Event.objects.in_tenants([tenant_id]).filter(position__in=positions)}
    pairs = [
        (one.id, event)
        for one in deliveries
        if (event := _test_event(one) if one.position is None else kept.get(one.position))
    ]
    try:
        with transaction.atomic():
            said: Sequence[bytes | None] = bodies_of(tenant_id, [event for _key, event in pairs])
    except Exception:  # noqa: BLE001 - one of them is to blame, and holds up no other
        said = [_body_alone(tenant_id, event) for _key, event in pairs]
    return {key: body for (key, _event), body in zip(pairs, said, strict=True)}


def _body_alone(tenant_id: UUID, event: Event) -> bytes | None:
    try:
        with transaction.atomic():
            return bodies_of(tenant_id, [event])[0]
    except Exception:
        log.warning("webhook_not_written", position=event.position, exc_info=True)
        return None


def _test_event(delivery: WebhookDelivery) -> Event:
    """Unsaved: it happened to nothing and stands in no feed."""
    return Event(tenant_id=delivery.tenant_id, kind=TEST, data={}, at=delivery.created_at)


def message_id(delivery: WebhookDelivery) -> str:
    """The same for an event at each attempt, replay and endpoint."""
    number = delivery.id if delivery.position is None else delivery.position
    return f"evt_{delivery.tenant_id.hex}_{number}"


def _headers(delivery: WebhookDelivery, body: bytes, at: datetime) -> dict[str, str]:
    endpoint = delivery.endpoint
    secrets = [opened(one) for one in (endpoint.secret, *endpoint.previous_secrets(at))]
    own = {endpoint.header_name.lower(): opened(endpoint.header_value)} if endpoint.header_name else {}
    signed = signature_headers(secrets, message_id=message_id(delivery), timestamp=int(at.timestamp()), body=body)
    return {**_plain_headers(own), **signed}


def _plain_headers(own: Mapping[str, str]) -> dict[str, str]:
    return {
        "user-agent": "OnDi-Webhooks/1",
        "accept-encoding": "identity",
        **own,
        "content-type": "application/json",
        "connection": "close",
    }


def shown(delivery: WebhookDelivery) -> tuple[dict[str, str], bytes | None]:
    """What is sent for it, made of its event as it is now, for its admins to read; no body where it cannot be said.

    What is secret, and what signs, is not in the headers.
    """
    endpoint, body = delivery.endpoint, _bodies(delivery.tenant_id, [delivery]).get(delivery.id)
    own = {endpoint.header_name.lower(): HIDDEN} if endpoint.header_name else {}
    signed = {
        "webhook-id": message_id(delivery),
        "webhook-timestamp": HIDDEN,
        "webhook-signature": f"v1,{HIDDEN}",
    }
    return {**_plain_headers(own), **signed}, body


def _put_back(taken: Taken, at: datetime) -> None:
    """It was not tried, and is anybody's again."""
    with tenant_scope(taken.tenant_id):
        _still_own(taken).update(next_at=at, leased_until=None)


def _still_own(taken: Taken) -> WebhookDeliveryQuerySet:
    own = WebhookDelivery.objects.in_tenants([taken.tenant_id]).waiting()
    return own.filter(id=taken.id, attempts=taken.number, leased_until__isnull=False)


def record(results: Iterable[Result], at: datetime) -> None:
    """Write down what came of these calls, a tenant at a time in a transaction of its own."""
    of_tenants: dict[UUID, list[Result]] = defaultdict(list)
    for taken, outcome in results:
        of_tenants[taken.tenant_id].append((taken, outcome))
    for tenant_id, own in of_tenants.items():
        with tenant_scope(tenant_id):
            _record(tenant_id, own, at)


def _record(tenant_id: UUID, results: Sequence[Result], at: datetime) -> None:
    """Locks the endpoints, then the deliveries. A delivery that somebody else has taken meanwhile stays as it is."""
    endpoints = {
        one.id: one
        for one in Endpoint.objects.in_tenants([tenant_id]).filter(id__in={t.endpoint_id for t, _o in results}).locked()
    }
    waiting = (
        WebhookDelivery.objects.in_tenants([tenant_id]).waiting().filter(id__in={taken.id for taken, _o in results})
    )
    deliveries = {one.id: one for one in waiting.filter(leased_until__isnull=False).locked()}
    breakers = _breakers(tenant_id, {one.host for one in endpoints.values()})
    calls = []
    for taken, outcome in results:
        delivery = deliveries.get(taken.id)
        if delivery is None or delivery.attempts != taken.number:
            continue
        endpoint = endpoints[taken.endpoint_id]
        calls.append(_attempt(delivery, outcome, at))
        if delivery.position is None:
            _settle(delivery, WebhookDelivery.State.DEAD if outcome.error else WebhookDelivery.State.DELIVERED)
        else:
            _take_up(delivery, endpoint, breakers[endpoint.host], outcome, at)
    Attempt.objects.bulk_create(calls)
    WebhookDelivery.objects.bulk_update(deliveries.values(), ["state", "failures", "next_at", "leased_until"])
    Endpoint.objects.bulk_update(
        endpoints.values(),
        ["is_active", "failing_since", "told_hours", "disabled_at", "disabled_reason", "last_success_at"],
    )
    Breaker.objects.bulk_update(breakers.values(), ["failures", "probes", "open_until"])
    for endpoint in endpoints.values():
        if not endpoint.is_active:
            hold(endpoint)


def _attempt(delivery: WebhookDelivery, outcome: Outcome, at: datetime) -> Attempt:
    return Attempt(
        tenant_id=delivery.tenant_id,
        delivery=delivery,
        number=delivery.attempts,
        at=at,
        status=outcome.status,
        milliseconds=outcome.milliseconds,
        error=outcome.error,
        answer=outcome.answer.replace("\x00", "\ufffd"),
    )


def _settle(delivery: WebhookDelivery, state: WebhookDelivery.State) -> None:
    delivery.state, delivery.next_at, delivery.leased_until = state, None, None


def _take_up(delivery: WebhookDelivery, endpoint: Endpoint, breaker: Breaker, outcome: Outcome, at: datetime) -> None:
    """What this call means for the delivery, its endpoint and the host."""
    delivery.leased_until = None
    if outcome.error == NOT_KEPT:
        _settle(delivery, WebhookDelivery.State.DEAD)
        return
    note(breaker, is_success=not outcome.error, at=at)
    if not outcome.error:
        _settle(delivery, WebhookDelivery.State.DELIVERED)
        endpoint.last_success_at, endpoint.failing_since, endpoint.told_hours = at, None, 0
        return
    delivery.failures += 1
    delivery.next_at = next_try(delivery.failures, at, outcome.retry_after)
    if delivery.next_at is None:
        _settle(delivery, WebhookDelivery.State.DEAD)
    _judge(endpoint, outcome, at)


def _judge(endpoint: Endpoint, outcome: Outcome, at: datetime) -> None:
    """Whether it is called at all any more, and what its admins are told."""
    if not endpoint.is_active:
        return
    endpoint.failing_since = endpoint.failing_since or at
    failing = at - endpoint.failing_since
    if outcome.status == GONE or failing >= DISABLED_AFTER:
        reason = Endpoint.Disabled.GONE if outcome.status == GONE else Endpoint.Disabled.FAILING
        endpoint.is_active, endpoint.disabled_at, endpoint.disabled_reason = False, at, reason
        tell_admins(endpoint, DISABLED, at)
        return
    reached = max((hours for hours in TOLD_AFTER if failing >= timedelta(hours=hours)), default=0)
    if reached > endpoint.told_hours:
        endpoint.told_hours = reached
        tell_admins(endpoint, FAILING, at)


def hold(endpoint: Endpoint) -> None:
    """What still waits for it waits until it is active again; a test does not. Needs the endpoint locked."""
    waiting = WebhookDelivery.objects.in_tenants([endpoint.tenant_id]).waiting().filter(endpoint=endpoint)
    waiting.filter(position__isnull=False, leased_until=None).update(next_at=None)


def _breakers(tenant_id: UUID, hosts: Iterable[str]) -> Mapping[str, Breaker]:
    wanted = sorted(hosts)
    Breaker.objects.bulk_create([Breaker(tenant_id=tenant_id, host=host) for host in wanted], ignore_conflicts=True)
    return {one.host: one for one in Breaker.objects.in_tenants([tenant_id]).filter(host__in=wanted).locked()}
