"""Everybody who may knock at a door, for the tables of permissions and leaks."""

from dataclasses import dataclass
from uuid import UUID

from ondi.accounts.api_keys import issue_api_key
from ondi.accounts.models import Membership, Scope, User
from ondi.accounts.services import update_member
from ondi.tenants.models import Tenant
from ondi.tenants.scope import tenant_scope
from support import services
from support.models import Tag, Ticket
from support.services import post_message
from tests.client import ApiClient
from tests.factories import (
    DeliveryFactory,
    MemberFactory,
    OrderFactory,
    Participant,
    TenantFactory,
    UserFactory,
    actor,
    make_file,
    make_ticket,
    make_webhook,
)
from tests.paths import filled

PERSONAS = (
    "anonymous", "customer", "another_customer", "foreign_customer", "agent", "support_user", "lead", "admin",
    "operator", "disabled", "suspended", "api_key", "former_support_user", "view_only",
)  # fmt: skip


@dataclass
class World:
    """Two tenants; `ticket` is the customer's own, open, about `delivery`."""

    tenant: Tenant
    foreign: Tenant
    people: dict[str, Membership]
    operator: User
    ticket: Ticket
    ids: dict[str, UUID]
    clients: dict[str, ApiClient]

    @property
    def colleague(self) -> Membership:
        """Somebody a ticket can be given to."""
        return self.people["lead"]

    def path(self, route: str) -> str:
        """The route with the ids of this world in it."""
        ids = {"ticket_id": self.ticket.id, "conversation_id": self.ticket.conversation_id}
        return filled(route, {**ids, **self.ids})


def build_world() -> World:
    tenant, foreign = (TenantFactory(allow_customer_close=True, customer_reopen_days=7) for _side in range(2))
    suspended = TenantFactory()
    people = {
        "customer": MemberFactory(tenant=tenant),
        "another_customer": MemberFactory(tenant=tenant),
        "foreign_customer": MemberFactory(tenant=foreign),
        "agent": MemberFactory(tenant=tenant, role="agent"),
        "support_user": MemberFactory(tenant=tenant, agent=True),
        "lead": MemberFactory(tenant=tenant, lead=True),
        "admin": MemberFactory(tenant=tenant, admin=True),
        "disabled": MemberFactory(tenant=tenant),
        "suspended": MemberFactory(tenant=suspended),
        "former_support_user": MemberFactory(tenant=tenant, agent=True),
        "view_only": MemberFactory(tenant=tenant, viewer=True),
    }
    customer = people["customer"]
    DeliveryFactory(tenant=foreign, customer=people["foreign_customer"])
    OrderFactory(tenant=tenant, customer=customer)
    ticket = make_ticket(customer, delivery=DeliveryFactory(tenant=tenant, customer=customer))
    _end_role(
        people["former_support_user"],
        people["lead"],
        ticket,
        make_ticket(customer, agent=people["former_support_user"]),
    )
    _leave_parts(ticket, people["former_support_user"], people["view_only"])
    api = ApiClient()
    clients = {name: api.as_(member) for name, member in people.items()}
    clients["anonymous"] = clients["operator"] = api
    with tenant_scope(tenant.id):
        Tag.objects.create(tenant=tenant, name="late")
        _key, text = issue_api_key(tenant_id=tenant.id, name="platform", scopes=Scope.values)
    clients["api_key"] = ApiClient(**{"X-API-Key": text})
    people["disabled"].user.is_active = False
    people["disabled"].user.save()
    with tenant_scope(suspended.id):
        Tenant.objects.filter(id=suspended.id).update(status="suspended")
    operator = UserFactory(email="operator@example.org", is_superuser=True)
    ids = {**make_webhook(people["admin"]), "attachment_id": make_file(customer).id}
    return World(tenant, foreign, people, operator, ticket, ids, clients)


def _end_role(member: Membership, lead: Membership, ticket: Ticket, mine: Ticket) -> None:
    """They were added to a ticket, closed and reopened since, and had one of their own; then their role ended."""
    who, boss = actor(member), actor(lead)
    with tenant_scope(ticket.tenant_id):
        added = {"conversation_id": ticket.conversation_id, "user_ids": [member.user_id]}
        services.change_participants(actor=boss, action="add", **added)
        post_message(actor=who, conversation_id=ticket.conversation_id, content="We look into it.")
        for action in (services.close_ticket, services.reopen_ticket):
            action(actor=boss, ticket_id=ticket.id)
        update_member(membership=member, is_support_user=False)
        services.close_ticket(actor=boss, ticket_id=mine.id)


def _leave_parts(ticket: Ticket, *members: Membership) -> None:
    """Parts as staff that no service left: they give nothing, for a part is worth what its role is."""
    with tenant_scope(ticket.tenant_id):
        for member in members:
            Participant.objects.update_or_create(
                tenant_id=ticket.tenant_id,
                conversation_id=ticket.conversation_id,
                membership=member,
                defaults={"left_at": None},
                create_defaults={"role": "admin", "joined_at": ticket.created_at},
            )
