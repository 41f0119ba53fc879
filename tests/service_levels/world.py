"""A shop that promises something, and what happens to its tickets at times that a test says."""

from datetime import UTC, datetime, timedelta
from typing import Any

import time_machine

from ondi.outbox.models import SetAside
from ondi.outbox.relay import relay_all
from ondi.outbox.subscribers import _SUBSCRIBERS, take_turn
from ondi.tenants.scope import tenant_scope
from support import services
from support.models import Policy, Ticket, TicketClock
from support.services.promises import policy_version, save_calendar, save_policy
from support.vocabulary import Metric
from support.workers import attend, clocks
from tests.factories import MemberFactory, TenantFactory, actor, make_ticket

MONDAY = datetime(2026, 11, 23, 9, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
ALWAYS = [[[0, 1440]]] * 7
OFFICE = [[[540, 1020]]] * 5 + [[], []]


class Shop:
    """`at`: now, which `wait` moves on."""

    def __init__(self, at: datetime = MONDAY, **tenant: Any) -> None:
        self.at = at
        self.tenant = TenantFactory(**tenant)
        people = {"sara": {"agent": True}, "lead": {"lead": True}, "admin": {"admin": True}, "layla": {}}
        self.people = {name: MemberFactory(tenant=self.tenant, first_name=name.title(), **role)
                       for name, role in people.items()}  # fmt: skip
        self.begin()

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["people"][name]
        except KeyError:
            raise AttributeError(name) from None

    def begin(self) -> None:
        """Subscribers begin with what happens from now on."""
        relay_all()
        while take_turn(_SUBSCRIBERS["clocks"]):
            pass

    def calendar(self, days: Any = ALWAYS, *, zone: str = "UTC", name: str = "Hours", **known: Any) -> Any:
        with tenant_scope(self.tenant.id):
            return save_calendar(
                actor=actor(self.admin), name=name, time_zone=zone, days=days,
                exceptions=known.pop("exceptions", {}), at=self.at, **known,
            )  # fmt: skip

    def policy(
        self, calendar: Any = None, *, name: str = "Promise", position: int = 1, policy: Policy | None = None,
        match: Any = None, is_active: bool = True, warn: int = 80, on_customer: bool = True, snoozed: bool = False,
        **targets: int,
    ) -> Policy:  # fmt: skip
        """Targets in minutes: `first`, `next`, `resolution`."""
        calendar = calendar or self.calendar(name=f"Hours of {name}")
        wanted = {Metric.FIRST_RESPONSE: targets.get("first"), Metric.NEXT_RESPONSE: targets.get("next"),
                  Metric.RESOLUTION: targets.get("resolution")}  # fmt: skip
        policy = policy or Policy(tenant=self.tenant, name=name)
        policy.position, policy.is_active = position, is_active
        with tenant_scope(self.tenant.id), self.frozen():
            version = policy_version(
                actor=actor(self.admin), calendar_id=calendar.id, match=match or {}, targets=wanted, warn_percent=warn,
                pauses_on_customer=on_customer, pauses_while_snoozed=snoozed, at=self.at,
            )  # fmt: skip
            save_policy(actor=actor(self.admin), policy=policy, version=version, at=self.at)
        self.settle()
        return policy

    def frozen(self) -> Any:
        return time_machine.travel(self.at, tick=False)

    def wait(self, how_long: timedelta) -> None:
        self.at += how_long
        self.settle()

    def settle(self) -> None:
        """What the work process does, until nothing is left."""
        with self.frozen():
            while relay_all() or take_turn(_SUBSCRIBERS["clocks"]) or clocks() or attend(at=self.at):
                pass
        with tenant_scope(self.tenant.id):
            assert list(SetAside.objects.values_list("reason", flat=True)) == []

    def open(self, **options: Any) -> Ticket:
        with self.frozen():
            ticket = make_ticket(self.layla, at=self.at, **options)
        self.settle()
        return ticket

    def do(self, service: Any, ticket: Ticket, who: Any = None, **arguments: Any) -> Any:
        with tenant_scope(self.tenant.id), self.frozen():
            done = service(actor=actor(who or self.sara), ticket_id=ticket.id, **arguments)
        self.settle()
        return done

    def say(self, who: Any, ticket: Ticket) -> None:
        with tenant_scope(self.tenant.id), self.frozen():
            if who != self.layla:
                services.claim_ticket(actor=actor(who), ticket_id=ticket.id)
            services.post_message(actor=actor(who), conversation_id=ticket.conversation_id, content="Hello")
        self.settle()

    def clocks(self, ticket: Ticket) -> dict[str, TicketClock]:
        """The newest of each kind."""
        with tenant_scope(self.tenant.id):
            return {one.metric: one for one in TicketClock.objects.of_tickets([ticket.id])}

    def shown(self, ticket: Ticket) -> list[tuple[str, str, timedelta | None]]:
        """Each clock there is: its kind, how it stands, and when it is due, from the beginning of the test's Monday."""
        with tenant_scope(self.tenant.id):
            return [
                (one.metric, one.outcome or ("running" if one.running_since else "paused"),
                 one.due_at and one.due_at - MONDAY)
                for one in TicketClock.objects.of_tickets([ticket.id])
            ]  # fmt: skip
