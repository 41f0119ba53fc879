"""Rows for the tests. Each is written inside its tenant's scope, as the application has to."""

import hashlib
import tempfile
from datetime import timedelta
from pathlib import Path

import factory
from django.db.models import F
from django.utils import timezone

from conversations.models import Conversation, Message, Participant
from deliveries.models import Delivery
from ondi.accounts.actors import Actor
from ondi.accounts.entering import acting_as
from ondi.accounts.models import Membership, User
from ondi.common.ids import new_id
from ondi.files.models import StoredFile
from ondi.files.storage import store
from ondi.tenants.models import PortalSettings, Tenant
from ondi.tenants.scope import tenant_scope
from ondi.webhooks.models import Attempt, Breaker, WebhookDelivery
from ondi.webhooks.services import create_endpoint
from orders.models import Order
from support.models import Policy, Ticket, TicketTerms
from support.services import claim_ticket, close_ticket, open_ticket
from support.services.clocks import Moment, keep_clocks
from support.services.promises import policy_version, save_calendar, save_policy
from support.settings.portal import SETTINGS
from support.vocabulary import Cause, Metric

PASSWORD = "correct horse battery"


class TenantFactory(factory.django.DjangoModelFactory):
    """A tenant with its portal settings; settings are given as `allow_customer_close=True` and the like."""

    class Meta:
        model = Tenant

    slug = factory.Sequence(lambda n: f"tenant-{n}")
    name = factory.Faker("company")

    @classmethod
    def _create(cls, model_class, *args, **fields):
        values = {name: fields.pop(name) for name in list(fields) if name in SETTINGS}
        tenant = model_class(**fields)
        with tenant_scope(tenant.id):
            tenant.save(force_insert=True)
            PortalSettings.objects.create(tenant=tenant, values=values)
        return tenant


class InTenant(factory.django.DjangoModelFactory):
    class Meta:
        abstract = True

    tenant = factory.SubFactory(TenantFactory)

    @classmethod
    def _create(cls, model_class, *args, **fields):
        with tenant_scope(fields["tenant"].id):
            return super()._create(model_class, *args, **fields)


class UserFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = User
        skip_postgeneration_save = True

    email = factory.Sequence(lambda n: f"person{n}@example.org")
    password = factory.django.Password(PASSWORD)


class MemberFactory(InTenant):
    """A customer, unless traits say otherwise."""

    class Meta:
        model = Membership

    class Params:
        agent = factory.Trait(role="agent", is_support_user=True)
        lead = factory.Trait(role="lead", is_support_user=True)
        admin = factory.Trait(role="admin")
        viewer = factory.Trait(role="agent", is_view_only=True)
        waiting = factory.Trait(  # added or imported: nobody signs in as them yet
            user=factory.SubFactory("tests.factories.UserFactory", email=None, password=None),
            email=factory.Sequence(lambda n: f"waiting{n}@example.org"),
        )

    user = factory.SubFactory(UserFactory)
    email = factory.LazyAttribute(lambda member: member.user.email)
    first_name = factory.Faker("first_name")
    last_name = factory.Faker("last_name")


class OrderFactory(InTenant):
    class Meta:
        model = Order

    customer = factory.SubFactory(MemberFactory, tenant=factory.SelfAttribute("..tenant"))
    number = factory.Sequence(lambda n: f"A-{n}")
    placed_at = factory.LazyFunction(lambda: timezone.now() - timedelta(days=2))


class DeliveryFactory(InTenant):
    class Meta:
        model = Delivery

    customer = factory.SubFactory(MemberFactory, tenant=factory.SelfAttribute("..tenant"))
    delivery_code = factory.Sequence(lambda n: 1000 + n)


def actor(member):
    """The person as services know them."""
    with tenant_scope(member.tenant_id):
        return acting_as(Membership.objects.select_related("user", "tenant__portal_settings").get(pk=member.pk))


def make_ticket(customer, *, delivery=None, order=None, agent=None, closed_by=None, **fields):
    """A ticket the way the product makes one: through the services."""
    fields = {"subject": "Where is it?", "message": "It has not come.", "priority": "medium", **fields}
    fields.setdefault("source", "storefront" if order else "customer_portal")
    with tenant_scope(customer.tenant_id):
        ticket = open_ticket(
            actor=actor(customer), delivery_id=delivery and delivery.id, order_id=order and order.id, **fields
        )
        if agent:
            claim_ticket(actor=actor(agent), ticket_id=ticket.id)
        if closed_by:
            close_ticket(actor=actor(closed_by), ticket_id=ticket.id)
        return Ticket.objects.get(pk=ticket.pk)


def reload(row):
    """The row as it is in the database now."""
    with tenant_scope(row.tenant_id):
        return type(row).objects.get(pk=row.pk)


__all__ = [
    "PASSWORD",
    "Conversation",
    "DeliveryFactory",
    "MemberFactory",
    "Message",
    "OrderFactory",
    "Participant",
    "TenantFactory",
    "UserFactory",
    "actor",
    "make_ticket",
    "reload",
]


def make_file(uploader, *, body=b"It was broken.", file_name="note.txt", state="ready", sent_with=None):
    """A text file of this person's in this state, its bytes stored; `sent_with`: a message, or an internal note."""
    with tenant_scope(uploader.tenant_id):
        file = StoredFile(
            tenant=uploader.tenant, uploader=uploader, file_name=file_name, content_type="text/plain", size=len(body),
            sha256=hashlib.sha256(body).hexdigest(), state=state,
            next_at=timezone.now() if state == "checking" else None, reason="malformed" if state == "refused" else "",
            stored_id=new_id() if state == "ready" else None,
        )  # fmt: skip
        if sent_with:
            file.parent_kind, file.parent_id = ("note" if hasattr(sent_with, "author_id") else "message"), sent_with.pk
            type(sent_with).objects.filter(pk=sent_with.pk).update(attachment_count=F("attachment_count") + 1)
        file.save(force_insert=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bytes"
        path.write_bytes(body)
        if state == "checking":
            store().save(file.upload_key, path, content_type=file.content_type)
        elif state == "ready":
            store().save(file.stored_key(), path, content_type=file.content_type)
    return file


def make_webhook(admin, **values):
    """A webhook and what was sent to it, with what came back; their ids as routes name them."""
    with tenant_scope(admin.tenant_id):
        wanted = {"url": "https://platform.example/hook", "events": ["*"], **values}
        endpoint, _secret = create_endpoint(actor=actor(admin), values=wanted)
        delivery = WebhookDelivery.objects.create(
            tenant=admin.tenant,
            endpoint=endpoint,
            position=1,
            kind="ticket.opened",
            state="dead",
            next_at=None,
            attempts=1,
        )
        Attempt.objects.create(
            tenant=admin.tenant, delivery=delivery, number=1, status=500, milliseconds=7, error="refused",
            answer=values.get("description", ""),
        )  # fmt: skip
        Breaker.objects.create(tenant=admin.tenant, host=f"of-{endpoint.id}", failures=1)
    return {"subscription_id": endpoint.id, "webhook_delivery_id": delivery.id}


def make_promise(ticket, *, days=None, **targets):
    """The tenant promises this of every ticket from now on, in minutes by metric, and of this one if it is open.

    Its newest terms.
    """
    who, at = Actor.operator(ticket.tenant_id, new_id()), timezone.now()
    wanted = {metric: targets.get(metric.value) for metric in Metric}
    with tenant_scope(ticket.tenant_id):
        calendar = save_calendar(
            actor=who, name=f"Hours {new_id()}", time_zone="UTC", days=days or [[[0, 1440]]] * 7, exceptions={}, at=at
        )
        version = policy_version(
            actor=who, calendar_id=calendar.id, match={}, targets=wanted, warn_percent=80, pauses_on_customer=True,
            pauses_while_snoozed=False, at=at,
        )  # fmt: skip
        policy = Policy(tenant_id=ticket.tenant_id, name=f"Promise {new_id()}", position=1)
        save_policy(actor=who, policy=policy, version=version)
        keep_clocks(tenant_id=ticket.tenant_id, tickets={ticket.id: Moment(ticket.created_at, Cause.OPENED)}, at=at)
        return TicketTerms.objects.filter(ticket=ticket).order_by("created_at").last()
