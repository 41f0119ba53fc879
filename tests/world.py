"""Everybody who may knock at a door, for the tables of permissions and leaks."""

from dataclasses import dataclass

from ondi.accounts.api_keys import issue_api_key
from ondi.accounts.models import Membership, User
from ondi.tenants.models import Tenant
from ondi.tenants.scope import tenant_scope
from support.models import Ticket
from tests.client import ApiClient
from tests.factories import DeliveryFactory, MemberFactory, OrderFactory, TenantFactory, UserFactory, make_ticket

PERSONAS = (
    "anonymous", "customer", "another_customer", "foreign_customer", "agent", "support_user", "lead", "admin",
    "operator", "disabled", "suspended", "api_key",
)  # fmt: skip


@dataclass
class World:
    """Two tenants; `ticket` is the customer's own, open, about `delivery`."""

    tenant: Tenant
    foreign: Tenant
    people: dict[str, Membership]
    operator: User
    ticket: Ticket
    clients: dict[str, ApiClient]

    def path(self, route: str) -> str:
        """The route with the ids of this world in it."""
        filled = route.replace("<str:ticket_id>", str(self.ticket.id))
        return "/" + filled.replace("<str:conversation_id>", str(self.ticket.conversation_id))


def build_world() -> World:
    tenant, foreign = TenantFactory(allow_customer_close=True), TenantFactory(allow_customer_close=True)
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
    }
    customer = people["customer"]
    DeliveryFactory(tenant=foreign, customer=people["foreign_customer"])
    OrderFactory(tenant=tenant, customer=customer)
    ticket = make_ticket(customer, delivery=DeliveryFactory(tenant=tenant, customer=customer))
    api = ApiClient()
    clients = {name: api.as_(member) for name, member in people.items()}
    clients["anonymous"] = clients["operator"] = api
    with tenant_scope(tenant.id):
        _key, text = issue_api_key(tenant_id=tenant.id, name="platform")
    clients["api_key"] = ApiClient(**{"X-API-Key": text})
    people["disabled"].user.is_active = False
    people["disabled"].user.save()
    with tenant_scope(suspended.id):
        Tenant.objects.filter(id=suspended.id).update(status="suspended")
    operator = UserFactory(email="operator@example.org", is_superuser=True)
    return World(tenant, foreign, people, operator, ticket, clients)
