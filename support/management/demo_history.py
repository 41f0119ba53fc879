"""Three weeks of the demo: who wrote when, who answered, and how long it took. The same for the same moment."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from PIL import Image, ImageDraw

from deliveries.models import DeliveryStatus
from deliveries.services import upsert_deliveries
from ondi.accounts.actors import Actor
from ondi.accounts.entering import acting_as
from ondi.accounts.models import Membership
from ondi.accounts.services import add_member
from ondi.files.arriving import take_upload
from ondi.files.services import announce_file
from ondi.files.storage import store
from orders.models import OrderStatus, PaymentStatus
from orders.services import upsert_orders
from support.demo import OFFICE, PROMISES, TOPICS, WRITERS, DemoTenant, DemoTopic
from support.models import Policy, Tag, Ticket
from support.services import (
    change_tags,
    claim_ticket,
    close_ticket,
    open_ticket,
    open_ticket_on_behalf,
    post_message,
    reopen_ticket,
    snooze_ticket,
    write_note,
)
from support.services.clocks import Moment, keep_clocks, week_of
from support.services.promises import policy_version, save_calendar, save_policy
from support.sla.hours import Hours
from support.vocabulary import Cause, Metric, TicketSource

DAYS, LATEST = 21, timedelta(hours=5)  # what is newer is told as it stands in the story
FILES = 4  # of a tenant; the work process has to look at each
STILL_OPEN = timedelta(days=4)
MINUTE = timedelta(minutes=1)
ANSWERED_WITHIN = (6, 9, 14, 22, 35, 50, 80, 130, 200, 420)  # minutes of open hours
AGENTS = ("agent1", "agent1", "agent1", "agent2", "agent2", "lead")
PICTURE, DOCUMENT = "image/png", "application/pdf"


@dataclass(slots=True)
class Case:
    """A conversation: `spoken` has the moments of its messages, which alternate, beginning with the customer's."""

    customer: Membership
    subject: str
    messages: Sequence[str]
    spoken: Sequence[datetime]
    priority: str
    source: str
    links: Mapping[str, UUID] = field(default_factory=dict)
    agent: Actor | None = None
    claimed_at: datetime | None = None
    closed_at: datetime | None = None
    reopened_at: datetime | None = None
    snoozed_until: datetime | None = None
    tag: str = ""
    note: str = ""
    file: str = ""
    ticket: Ticket | None = None


def promise(admin: Membership, zone: str, at: datetime) -> Hours:
    """The tenant's open hours and what it promises, from this moment on."""
    actor = acting_as(admin)
    calendar = save_calendar(actor=actor, name="Office", time_zone=zone, days=OFFICE, exceptions={}, at=at)
    for place, (name, match, *minutes) in enumerate(PROMISES, start=1):
        targets = dict(zip((Metric.FIRST_RESPONSE, Metric.NEXT_RESPONSE, Metric.RESOLUTION), minutes, strict=True))
        version = policy_version(
            actor=actor, calendar_id=calendar.id, match=match, targets=targets, warn_percent=80,
            pauses_on_customer=True, pauses_while_snoozed=True, at=at,
        )  # fmt: skip
        policy = Policy(tenant_id=actor.tenant_id, name=name, position=10 * place)
        save_policy(actor=actor, policy=policy, version=version, at=at)
    return Hours(week_of(zone, OFFICE, {}))


def tell(tenant_id: UUID, cases: Sequence[Case], now: datetime) -> None:
    """Let all of this happen, by everybody's services: tickets in the order of their numbers, and promises."""
    cases = sorted(cases, key=lambda case: case.spoken[0])
    for case in cases:
        case.ticket = _opened(case)
    begun = {case.ticket.id: Moment(case.spoken[0], Cause.OPENED) for case in cases if case.ticket}
    keep_clocks(tenant_id=tenant_id, tickets=begun, at=now)
    tags = {tag.name: tag.id for tag in Tag.objects.in_tenants([tenant_id])}
    for case in cases:
        _go_on(case, tags)
    keep_clocks(tenant_id=tenant_id, tickets=dict.fromkeys(begun), at=now)


def _opened(case: Case) -> Ticket:
    said: dict[str, Any] = {
        "subject": case.subject, "message": case.messages[0], "priority": case.priority, "at": case.spoken[0],
        **case.links,
    }  # fmt: skip
    if case.source == TicketSource.PHONE and case.agent:
        return open_ticket_on_behalf(actor=case.agent, customer_id=case.customer.id, **said)
    customer = acting_as(case.customer)
    files = [_sent_file(customer, case.file, case.spoken[0])] if case.file and "files" in settings.STORAGES else []
    return open_ticket(actor=customer, source=case.source, attachment_ids=files, **said)


def _go_on(case: Case, tags: Mapping[str, UUID]) -> None:
    """What came after the ticket was opened, in its order."""
    ticket, agent = case.ticket, case.agent
    if ticket is None or agent is None or case.claimed_at is None:
        return
    of_ticket: dict[str, Any] = {"actor": agent, "ticket_id": ticket.id}
    claim_ticket(**of_ticket, at=case.claimed_at)
    if case.tag:
        change_tags(**of_ticket, add=[tags[case.tag]], at=case.claimed_at)
    if case.note:
        write_note(**of_ticket, content=case.note, at=case.claimed_at)
    for number, at in enumerate(case.spoken[1:], start=1):
        speaker = agent if number % 2 else acting_as(case.customer)
        words = case.messages[number]
        post_message(actor=speaker, conversation_id=ticket.conversation_id, content=words, at=at)
    if case.closed_at:
        close_ticket(**of_ticket, at=case.closed_at)
    if case.reopened_at:
        reopen_ticket(**of_ticket, at=case.reopened_at)
        close_ticket(**of_ticket, at=case.reopened_at + 20 * MINUTE)
    if case.snoozed_until:
        snooze_ticket(**of_ticket, until=case.snoozed_until, at=max(case.claimed_at, *case.spoken))


class History:
    """The past of one tenant, up to some hours ago, made of its topics."""

    def __init__(
        self, demo: DemoTenant, people: Mapping[str, Membership], hours: Hours, zone: ZoneInfo, now: datetime
    ) -> None:
        self.demo, self.people, self.hours, self.zone, self.now = demo, people, hours, zone, now
        self.random = Random(demo.slug)  # noqa: S311 - it tells a story
        self.tenant_id = people["admin"].tenant_id

    def cases(self) -> list[Case]:
        writers = [self._writer(place) for place in range(len(WRITERS))]
        cases = [self._case(at, number, writers) for number, at in enumerate(self._openings())]
        for case, _topic in [pair for pair in cases if pair[0].file][:-FILES]:
            case.file = ""
        self._link_items(cases)
        return [case for case, _topic in cases]

    def _writer(self, place: int) -> Membership:
        person = WRITERS[place]
        member = add_member(
            tenant_id=self.tenant_id, email=None, first_name=person.first_name, last_name=person.last_name,
            role=person.role, language=person.language, external_id=f"{self.demo.slug}-writer{place + 1}",
            phone=f"+964 770 {place + 200} {4100 + 37 * place}",
        )  # fmt: skip
        return Membership.objects.select_related("user", "tenant__portal_settings").get(pk=member.pk)

    def _openings(self) -> Iterator[datetime]:
        """When customers wrote: by day and evening, less on the days of rest, and on some days more than on others."""
        today = self.now.astimezone(self.zone).date()
        for ago in range(DAYS, -1, -1):
            day = today - timedelta(days=ago)
            is_open = bool(OFFICE[day.weekday()])
            number = self.random.randint(*self.demo.tickets_a_day) if is_open else self.random.randint(0, 1)
            minutes = sorted(self.random.randint(8 * 60, 21 * 60) for _ticket in range(number))
            moments = (datetime.combine(day, time(), self.zone) + minute * MINUTE for minute in minutes)
            yield from (moment for moment in moments if moment < self.now - LATEST)

    def _case(self, at: datetime, number: int, writers: Sequence[Membership]) -> tuple[Case, DemoTopic]:
        topic = self.random.choice(TOPICS)
        writer = self.random.choice([one for one in writers if one.language == topic.language])
        agent = acting_as(self.people[self.random.choice(AGENTS)])
        by_phone = number % 9 == 4 and not topic.file
        case = Case(
            customer=writer, subject=topic.subject, messages=topic.messages, spoken=[at],
            priority="urgent" if by_phone and topic.priority == "high" else topic.priority,
            source=TicketSource.PHONE if by_phone else TicketSource.CUSTOMER_PORTAL, agent=agent, tag=topic.tag,
            note=topic.note, file=topic.file,
        )  # fmt: skip
        self._answer(case)
        if number % 4 == 1 and at > self.now - STILL_OPEN:
            self._leave_open(case, is_snoozed=number % 8 == 1)
        if number % 13 == 6 and case.closed_at and (again := self._open_for(case.closed_at, 700)):
            case.reopened_at = again
        return case, topic

    def _answer(self, case: Case) -> None:
        """The rest of the conversation as far as it had come by now: the agent's part in open hours."""
        spoken, at = [case.spoken[0]], case.spoken[0]
        first = self.random.choice(ANSWERED_WITHIN)
        case.claimed_at = case.spoken[0] if case.source == TicketSource.PHONE else self._open_for(at, first * 0.7)
        for number in range(1, len(case.messages)):
            if number % 2:
                minutes = first if number == 1 else self.random.choice(ANSWERED_WITHIN[:8])
                come = self._open_for(at, minutes)
            else:
                come = self._past(at + self.random.randint(9, 160) * MINUTE)
            if come is None or case.claimed_at is None:
                break
            at = come
            spoken.append(at)
        case.spoken = spoken
        if len(spoken) == len(case.messages):
            case.closed_at = self._open_for(at, self.random.choice((3, 8, 20, 45, 240)))

    def _leave_open(self, case: Case, *, is_snoozed: bool) -> None:
        """Answered, and not solved yet: until its customer says more, or until a day on which the office is open."""
        case.spoken, case.closed_at = case.spoken[:2], None
        if is_snoozed and len(case.spoken) > 1:
            case.snoozed_until = self.hours.after(self.now + timedelta(hours=12), 30 * MINUTE)

    def _open_for(self, at: datetime, minutes: float) -> datetime | None:
        """When it was open for so long since then; None where that is still to come."""
        found = self.hours.after(at, timedelta(minutes=minutes))
        return self._past(found) if found else None

    def _past(self, at: datetime) -> datetime | None:
        return at if at < self.now - 20 * MINUTE else None

    def _link_items(self, cases: Sequence[tuple[Case, DemoTopic]]) -> None:
        """Every case that is about an order or a delivery has one of its own."""
        about = {kind: [pair for pair in cases if pair[1].on == kind] for kind in ("order", "delivery")}
        orders = [self._order(place, case) for place, (case, _topic) in enumerate(about["order"])]
        deliveries = [self._delivery(place, *pair) for place, pair in enumerate(about["delivery"])]
        bought = upsert_orders(tenant_id=self.tenant_id, wanted=orders)
        for (case, _topic), done in zip(about["order"], bought, strict=True):
            case.links = {"order_id": done.row.id}
            if case.source != TicketSource.PHONE:
                case.source = TicketSource.STOREFRONT
        sent = upsert_deliveries(tenant_id=self.tenant_id, wanted=deliveries, announce=False)
        for (case, _topic), done in zip(about["delivery"], sent, strict=True):
            case.links = {"delivery_id": done.row.id}

    def _order(self, place: int, case: Case) -> dict[str, Any]:
        number = f"{self.demo.slug[:2].upper()}-{20_000 + place}"
        return {
            "external_id": f"order-{number}", "number": number, "customer": case.customer,
            "status": OrderStatus.DELIVERED if case.closed_at else OrderStatus.SHIPPED, "currency": "IQD",
            "payment_status": PaymentStatus.PAID, "total_amount": 1000 * self.random.randint(8, 140),
            "item_count": self.random.randint(1, 4), "placed_at": case.spoken[0] - timedelta(days=2),
        }  # fmt: skip

    def _delivery(self, place: int, case: Case, topic: DemoTopic) -> dict[str, Any]:
        """Late and early ones as their topics have it; what is not solved is still on its way."""
        promised = case.spoken[0] - timedelta(hours=2)
        arrived = promised + timedelta(hours=topic.hours_late or -0.5)
        there = bool(case.closed_at) and arrived < self.now
        return {
            "external_id": f"delivery-{self.demo.slug}-h{place}", "customer": case.customer,
            "delivery_code": self.demo.first_delivery_code + 1_000 + place,
            "status": DeliveryStatus.DELIVERED if there else DeliveryStatus.IN_TRANSIT,
            "from_address": f"Warehouse 2, {self.demo.city}", "promised_at": promised,
            "to_address": f"{self.random.randint(1, 90)} River Road, {self.demo.city}",
            "delivered_at": arrived if there else None,
        }  # fmt: skip


def _sent_file(actor: Actor, name: str, at: datetime) -> UUID:
    """A draft with its bytes; the work process checks it, as any."""
    kind, content = (DOCUMENT, _document()) if name.endswith(".pdf") else (PICTURE, _picture())
    file = announce_file(actor=actor, file_name=name, content_type=kind, size=len(content), at=at)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "bytes")
        source.write_bytes(content)
        store().save(file.upload_key, source, content_type=kind)
    take_upload(tenant_id=actor.tenant_id, file_id=file.id, upload_id=file.upload_id, sha256="")
    return file.id


def _picture() -> bytes:
    """A cup with a crack."""
    picture = Image.new("RGB", (640, 480), "#e7e2d8")
    draw = ImageDraw.Draw(picture)
    draw.ellipse((430, 170, 550, 320), outline="#31597d", width=26)
    draw.rounded_rectangle((160, 120, 470, 400), 40, fill="#3f729b")
    draw.line((250, 120, 290, 200, 262, 262, 318, 330), fill="#1d2733", width=7)
    written = BytesIO()
    picture.save(written, "PNG")
    return written.getvalue()


def _document() -> bytes:
    """A page that says what a company is called."""
    text = b"BT /F1 18 Tf 72 720 Td (River Trading Ltd., VAT 4711) Tj ET"
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(text), text),
    )
    written, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        places.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"xref\n0 5\n0000000000 65535 f \n%strailer\n<< /Size 5 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
    return written + end % (table, len(written))
