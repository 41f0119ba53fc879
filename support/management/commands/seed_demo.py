"""`manage.py seed_demo`: two tenants to try everything on."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from deliveries.models import Delivery
from ondi.accounts.entering import acting_as
from ondi.accounts.models import Membership, User
from ondi.accounts.services import add_member
from ondi.common.files import write_private
from ondi.outbox.relay import relay_all
from ondi.tenants.models import PortalSettings
from ondi.tenants.scope import find_tenants, tenant_scope
from ondi.tenants.services import create_tenant
from orders.models import Order, OrderItem
from support.demo import (
    ARABIC,
    CANNED,
    DELIVERIES,
    ENGLISH,
    ORDERS,
    PEOPLE,
    TAGS,
    TENANTS,
    DemoPerson,
    DemoTenant,
    DemoTicket,
)
from support.management.demo_history import DAYS, Case, History, promise, tell
from support.models import CannedReply, Tag, Ticket
from support.vocabulary import TicketSource

PASSWORD = "ondi-demo"  # noqa: S105 - the demo's, printed for everyone
OPERATOR = "operator@ondi.demo"
ZONE = "Asia/Baghdad"


class Command(BaseCommand):
    help = (
        "Fill the database with two demo tenants; the same story every time, told as of now. On a seeded database it "
        "changes nothing. --json writes who and what there is."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", metavar="FILE", type=Path, help="Write ids, people and tickets to this file.")
        parser.add_argument("--force", action="store_true", help="Also with DEBUG off: known passwords, be careful.")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEBUG and not options["force"]:
            raise CommandError("DEBUG is off: this looks like production. --force seeds it all the same.")
        slugs = [tenant.slug for tenant in TENANTS]
        if set(find_tenants(*slugs)) != set(slugs):
            seed(now=timezone.now())
            relay_all()  # the past is nobody's news
            self.stdout.write("Demo data is in.")
        if options["json"]:
            write_private(options["json"], json.dumps(describe(slugs), indent=2, ensure_ascii=False) + "\n")


@transaction.atomic
def seed(*, now: datetime) -> None:
    """Write the whole story, or nothing of it."""
    password = make_password(PASSWORD)  # once: hashing is slow by design
    if not User.objects.filter(email=OPERATOR).exists():
        User.objects.create(email=OPERATOR, password=password, is_superuser=True)
    present = find_tenants(*(tenant.slug for tenant in TENANTS))
    for tenant in TENANTS:
        if tenant.slug not in present:
            _seed_tenant(tenant, password, now)


def _seed_tenant(demo: DemoTenant, password: str, now: datetime) -> None:
    tenant = create_tenant(slug=demo.slug, name=demo.name, time_zone=ZONE, currency="IQD")
    with tenant_scope(tenant.id):
        PortalSettings.objects.filter(tenant=tenant).update(values={"allow_customer_close": demo.allow_customer_close})
        people = {person.mailbox: _seed_person(tenant.id, demo.slug, person, password) for person in PEOPLE}
        _seed_workbench(tenant.id)
        hours = promise(people["admin"], ZONE, now - timedelta(days=DAYS + 1))
        cases = History(demo, people, hours, ZoneInfo(ZONE), now).cases()
        customers = [person for person in PEOPLE if person.mailbox.startswith("customer")]
        for place, person in enumerate(customers):
            customer = people[person.mailbox]
            orders = _seed_orders(demo, customer, place, now)
            deliveries = _seed_deliveries(demo, customer, place, orders, now)
            for ticket in ARABIC if person.language == "ar" else ENGLISH:
                cases.append(_case(ticket, customer, people, orders, deliveries, now))
        tell(tenant.id, cases, now)


def _seed_person(tenant_id: UUID, slug: str, person: DemoPerson, password: str) -> Membership:
    user = User.objects.create(email=f"{person.mailbox}@{slug}.demo", password=password)
    member = add_member(
        tenant_id=tenant_id,
        email=user.email,
        user=user,
        first_name=person.first_name,
        last_name=person.last_name,
        role=person.role,
        is_support_user=person.is_support_user,
        language=person.language,
        external_id=f"{slug}-{person.mailbox}",
    )
    return Membership.objects.select_related("user", "tenant__portal_settings").get(pk=member.pk)


def _seed_workbench(tenant_id: UUID) -> None:
    Tag.objects.bulk_create([Tag(tenant_id=tenant_id, name=name) for name in TAGS])
    CannedReply.objects.bulk_create(
        [
            CannedReply(tenant_id=tenant_id, shortcut=shortcut, language=language, content=content)
            for shortcut, language, content in CANNED
        ]
    )


def _seed_orders(demo: DemoTenant, customer: Membership, place: int, now: datetime) -> list[Order]:
    orders = []
    for number, (status, payment, item, quantity, price) in enumerate(ORDERS):
        name = f"{demo.slug[:2].upper()}-{10_000 + place * len(ORDERS) + number}"
        order = Order.objects.create(
            tenant_id=customer.tenant_id,
            customer=customer,
            external_id=f"order-{name}",
            number=name,
            status=status,
            payment_status=payment,
            currency="USD",
            total_amount=quantity * Decimal(price),
            item_count=quantity,
            placed_at=now - timedelta(days=number + 1, hours=place),
        )
        OrderItem.objects.create(
            tenant_id=customer.tenant_id, order=order, position=1, name=item, quantity=quantity, unit_price=price
        )
        orders.append(order)
    return orders


def _seed_deliveries(
    demo: DemoTenant, customer: Membership, place: int, orders: Sequence[Order], now: datetime
) -> list[Delivery]:
    deliveries = []
    for number, (status, promised_in) in enumerate(DELIVERIES):
        promised_at = now + timedelta(hours=promised_in)
        delivery = Delivery.objects.create(
            tenant_id=customer.tenant_id,
            customer=customer,
            order=orders[number] if number == 0 else None,
            external_id=f"delivery-{demo.slug}-{place}-{number}",
            delivery_code=demo.first_delivery_code + place * len(DELIVERIES) + number,
            status=status,
            from_address=f"Warehouse 2, {demo.city}",
            to_address=f"{14 + place} Garden Street, {demo.city}",
            promised_at=promised_at,
            delivered_at=promised_at - timedelta(minutes=25) if status == "delivered" else None,
        )
        deliveries.append(delivery)
    return deliveries


def _case(
    demo: DemoTicket,
    customer: Membership,
    people: dict[str, Membership],
    orders: Sequence[Order],
    deliveries: Sequence[Delivery],
    now: datetime,
) -> Case:
    kind, _space, place = demo.on.partition(" ")
    at = now - demo.age
    items = {"delivery": deliveries, "order": orders}
    return Case(
        customer=customer,
        subject=demo.subject,
        messages=demo.messages,
        spoken=[at, *(at + timedelta(minutes=4 + 7 * number) for number in range(1, len(demo.messages)))],
        priority=demo.priority,
        source=TicketSource.STOREFRONT if kind == "order" else TicketSource.CUSTOMER_PORTAL,
        links={f"{kind}_id": items[kind][int(place)].id} if kind in items else {},
        agent=acting_as(people[demo.agent]) if demo.agent else None,
        claimed_at=at + timedelta(minutes=4) if demo.agent else None,
        closed_at=at + timedelta(hours=1) if demo.closed else None,
    )


def describe(slugs: Sequence[str]) -> dict[str, Any]:
    """What the JSON file holds."""
    tenants = find_tenants(*slugs)
    return {"password": PASSWORD, "tenants": {slug: _describe_tenant(tenants[slug]) for slug in slugs}}


def _describe_tenant(tenant_id: UUID) -> dict[str, Any]:
    with tenant_scope(tenant_id):
        members = Membership.objects.in_tenants([tenant_id]).exclude(email=None).order_by("email")
        users = {str(member.email): _describe_member(member) for member in members}
    return {"id": str(tenant_id), "users": users}


def _describe_member(member: Membership) -> dict[str, Any]:
    tickets = Ticket.objects.in_tenants([member.tenant_id])
    held_orders = set(tickets.open().values_list("order_id", flat=True))
    held_deliveries = set(tickets.open().values_list("delivery_id", flat=True))
    orders = Order.objects.in_tenants([member.tenant_id]).filter(customer=member).order_by("number")
    deliveries = Delivery.objects.in_tenants([member.tenant_id]).filter(customer=member).order_by("delivery_code")
    return {
        "id": str(member.user_id),
        "orders": [
            {"id": str(order.id), "order_number": order.number, "has_open_ticket": order.id in held_orders}
            for order in orders
        ],
        "deliveries": [
            {
                "id": str(delivery.id),
                "delivery_code": delivery.delivery_code,
                "has_open_ticket": delivery.id in held_deliveries,
            }
            for delivery in deliveries
        ],
        "tickets": [
            {
                "id": str(ticket.id),
                "number": ticket.number,
                "status": ticket.status,
                "conversation_id": str(ticket.conversation_id),
            }
            for ticket in tickets.filter(requester=member).order_by("number")
        ],
    }
