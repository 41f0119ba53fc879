"""A tenant in which every call of the API succeeds."""

from typing import Any

from deliveries.api import docs as examples
from ondi.accounts.api_keys import issue_api_key
from ondi.accounts.links import Purpose, make_link
from ondi.accounts.models import Membership, Scope
from ondi.notifications.models import Notification
from ondi.tenants.scope import tenant_scope
from support.models import Tag
from support.services import post_message
from tests.client import ApiClient
from tests.factories import PASSWORD, DeliveryFactory, MemberFactory, actor, make_file, make_ticket, make_webhook


class Scene:
    """A customer whose tickets are `ticket`, `chat` (with so many messages), `free` and `taken` (by the colleague)."""

    password = PASSWORD

    def __init__(self, customer: Membership, *, messages: int) -> None:
        self.customer, tenant, api = customer, customer.tenant, ApiClient()
        agent, self.colleague = (MemberFactory(tenant=tenant, agent=True) for _agent in range(2))
        with tenant_scope(tenant.id):
            self.customer_external_id = "c-1"
            Membership.objects.filter(pk=customer.pk).update(external_id=self.customer_external_id)
            _key, text = issue_api_key(tenant_id=tenant.id, name="platform", scopes=Scope.values)
            Tag.objects.create(tenant=tenant, name="late")
        self.clients = {
            "anybody": api,
            "portal": api.as_(customer),
            "agent": api.as_(agent),
            "lead": api.as_(MemberFactory(tenant=tenant, lead=True)),
            "admin": api.as_(admin := MemberFactory(tenant=tenant, admin=True)),
            "platform": ApiClient(**{"X-API-Key": text}),
        }
        self.tickets = {
            "chat": make_ticket(customer, agent=agent),
            "free": make_ticket(customer),
            "taken": make_ticket(customer, agent=self.colleague),
            "ticket": make_ticket(customer),
        }
        speaker, chat = actor(customer), self.tickets["chat"]
        with tenant_scope(tenant.id):
            for _message in range(messages):
                post_message(actor=speaker, conversation_id=chat.conversation_id, content="Hello")
            Notification.objects.create(
                tenant=tenant, membership=customer, notification_type="support_reply", position=1, actor_id=agent.id,
                subject_id=self.tickets["free"].id, data={"number": self.tickets["free"].number},
            )  # fmt: skip
            self.last_message = str(chat.conversation.last_message_id)
        self.ids = {**make_webhook(admin), "attachment_id": make_file(customer).id}
        self.delivery = DeliveryFactory(tenant=tenant, customer=customer)
        self.told_order = dict(examples.ORDER, external_id="new")
        self.told_delivery: dict[str, Any] = dict(examples.DELIVERY, external_id="new")
        self.told_delivery.pop("order_external_id")
        session = api.post("/auth/login", {"email": customer.user.email, "password": PASSWORD}).json()
        self.tokens = {"refresh_token": session["data"]["refresh_token"]}
        waiting = MemberFactory(tenant=tenant, waiting=True)
        with tenant_scope(tenant.id):
            self.reset_token = make_link(Purpose.RESET, waiting)
