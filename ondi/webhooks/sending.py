"""Calling the programs that are due: taken with a lease, called outside of any transaction, recorded.

Killed in between, a delivery is taken again when its lease ends; who was frozen meanwhile records nothing any more.
One call waits for no other: many are under way at once, and a turn records those that ended.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from cryptography.fernet import InvalidToken
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from ondi.api.errors import DATABASE_IS_AWAY
from ondi.common.prepared import insert_rows, update_rows
from ondi.outbox.models import Event
from ondi.outbox.outgoing import Outgoing, due_by_tenant, gate
from ondi.tenants.models import Tenant
from ondi.tenants.scope import tenant_scope
from ondi.webhooks.addresses import Networks, networks_of
from ondi.webhooks.models import TEST, Attempt, Breaker, Endpoint, WebhookDelivery
from ondi.webhooks.notices import DISABLED, FAILING, tell_admins
from ondi.webhooks.payloads import bodies_of
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
        """Begin what is due, record what ended; how much there is to do, 0 where there is nothing.

        What ended while the database is away is recorded in a later turn, while its lease lasts.
        """
        begun = self._begin(at or timezone.now())
        done, _others = wait(self._under_way, timeout=TURN if self._under_way else 0, return_when=FIRST_COMPLETED)
        record([(self._under_way[call], call.result()) for call in done], at or timezone.now())
        for call in done:
            del self._under_way[call]
        return begun + len(done) + len(self._under_way)

    def _begin(self, at: datetime) -> int:
        """Asks the gate once: who is stopped meanwhile is called no more from the next turn on."""
        most = min(AT_ONCE, MOST_CALLS - len(self._under_way))
        due = dict(due_by_tenant(gate(Outgoing.WEBHOOK), "ondi_claim_deliveries", at, LEASE, most)) if most else {}
        without_call = []
        for one in _prepared(due, at):
            if isinstance(one.doing, Outcome):
                without_call.append((one.taken, one.doing))
            else:
                self._under_way[self._pool.submit(send, one.doing, resolver=self._resolver)] = one.taken
        record(without_call, at)
        return sum(map(len, due.values()))


def send_due(*, at: datetime | None = None, resolver: Resolver = resolve) -> int:
    """Turns until nothing is due or under way any more; how many there were. For tests and commands."""
    sending, turns = Sending(resolver), 0
    while sending.turn(at=at):
        turns += 1
    return turns


def _prepared(due: Mapping[UUID, Sequence[UUID]], at: datetime) -> list[Ready]:
    """What is to be sent for these deliveries of each tenant, made of their events as they are now."""
    if not due:
        return []
    with tenant_scope(*due):
        networks = {tenant.id: networks_of(tenant) for tenant in Tenant.objects.filter(id__in=due)}
        own = WebhookDelivery.objects.in_tenants(due).waiting().filter(leased_until__gt=at)
        deliveries = list(own.filter(id__in=[key for keys in due.values() for key in keys]).select_related("endpoint"))
        bodies = _bodies(deliveries)
    return [
        Ready(
            Taken(one.id, one.tenant_id, one.endpoint_id, one.attempts),
            _doing(one, bodies, networks[one.tenant_id], at),
        )
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


def _bodies(deliveries: Sequence[WebhookDelivery]) -> dict[UUID, bytes | None]:
    """By delivery; None where an event cannot be said. What is no longer kept is not there.

    Raises what says that the database is away: that is no event's fault.
    """
    positions: dict[UUID, set[int]] = defaultdict(set)
    for one in deliveries:
        if one.position is not None:
            positions[one.tenant_id].add(one.position)
    kept = {(event.tenant_id, event.position): event for event in Event.objects.standing_at(positions)}
    pairs = [
        (one.id, event)
        for one in deliveries
        if (event := _test_event(one) if one.position is None else kept.get((one.tenant_id, one.position)))
    ]
    try:
        with transaction.atomic():
            said: Sequence[bytes | None] = bodies_of([event for _key, event in pairs])
    except DATABASE_IS_AWAY:
        raise
    except Exception:  # noqa: BLE001 - one of them is to blame, and holds up no other
        said = [_body_alone(event) for _key, event in pairs]
    return {key: body for (key, _event), body in zip(pairs, said, strict=True)}


def _body_alone(event: Event) -> bytes | None:
    try:
        with transaction.atomic():
            return bodies_of([event])[0]
    except DATABASE_IS_AWAY:
        raise
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
    endpoint, body = delivery.endpoint, _bodies([delivery]).get(delivery.id)
    own = {endpoint.header_name.lower(): HIDDEN} if endpoint.header_name else {}
    signed = {
        "webhook-id": message_id(delivery),
        "webhook-timestamp": HIDDEN,
        "webhook-signature": f"v1,{HIDDEN}",
    }
    return {**_plain_headers(own), **signed}, body


def record(results: Sequence[Result], at: datetime) -> None:
    """Write down what came of these calls, in one transaction.

    Where that fails, a tenant at a time: nobody's trouble is another's. Raises what says that the database is away.
    """
    try:
        _record(results, at)
    except DATABASE_IS_AWAY:
        raise
    except Exception:  # noqa: BLE001 - one tenant is to blame, and is found and named
        of_tenants: dict[UUID, list[Result]] = defaultdict(list)
        for result in results:
            of_tenants[result[0].tenant_id].append(result)
        for tenant_id, own in of_tenants.items():
            _record_alone(tenant_id, own, at)


def _record_alone(tenant_id: UUID, results: Sequence[Result], at: datetime) -> None:
    try:
        _record(results, at)
    except DATABASE_IS_AWAY:
        raise
    except Exception:
        log.warning("webhooks_not_recorded", tenant=str(tenant_id), exc_info=True)


def _record(results: Sequence[Result], at: datetime) -> None:
    """Locks the endpoints, then the deliveries. A delivery that somebody else has taken meanwhile stays as it is."""
    if not results:
        return
    tenant_ids = {taken.tenant_id for taken, _outcome in results}
    with tenant_scope(*tenant_ids):
        own = Endpoint.objects.in_tenants(tenant_ids).filter(id__in={taken.endpoint_id for taken, _outcome in results})
        endpoints = {one.id: one for one in own.locked()}
        waiting = WebhookDelivery.objects.in_tenants(tenant_ids).waiting().filter(leased_until__isnull=False)
        taken_now = waiting.filter(id__in=[taken.id for taken, _outcome in results])
        deliveries = {one.id: one for one in taken_now.locked()}
        breakers = _breakers({(one.tenant_id, one.host) for one in endpoints.values()})
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
                _take_up(delivery, endpoint, breakers[endpoint.tenant_id, endpoint.host], outcome, at)
        insert_rows(*calls)
        update_rows(deliveries.values(), ("state", "failures", "next_at", "leased_until"))
        update_rows(
            endpoints.values(),
            ("is_active", "failing_since", "told_hours", "disabled_at", "disabled_reason", "last_success_at"),
        )
        update_rows(breakers.values(), ("failures", "probes", "open_until"))
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


def _breakers(hosts: Collection[tuple[UUID, str]]) -> Mapping[tuple[UUID, str], Breaker]:
    """By tenant and host; locked, and made where there is none yet."""
    found = _locked_breakers(hosts)
    if missing := sorted(hosts - found.keys()):
        new = [Breaker(tenant_id=tenant_id, host=host) for tenant_id, host in missing]
        Breaker.objects.bulk_create(new, ignore_conflicts=True)
        found |= _locked_breakers(missing)
    return found


def _locked_breakers(hosts: Collection[tuple[UUID, str]]) -> dict[tuple[UUID, str], Breaker]:
    wanted = Breaker.objects.in_tenants({tenant_id for tenant_id, _host in hosts})
    found = wanted.filter(host__in={host for _tenant, host in hosts}).locked()
    return {(one.tenant_id, one.host): one for one in found}
