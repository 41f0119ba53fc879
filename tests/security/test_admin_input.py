"""Whatever is sent to a page of the admin: an answer, never a 500. At length: `make fuzz`."""

import os

import pytest

from ondi.tenants.scope import tenant_scope
from support.models import CannedReply, Macro, Tag
from tests.factories import (
    DeliveryFactory,
    MemberFactory,
    OrderFactory,
    UserFactory,
    make_promise,
    make_ticket,
    make_webhook,
)
from tests.security.admin_input import requests, some
from tests.workbench import workbench

pytestmark = pytest.mark.django_db

SAMPLE = int(os.environ.get("ADMIN_REQUESTS", "200"))
SEED = int(os.environ.get("ADMIN_SEED", "1"))


@pytest.fixture
def world():
    customer = MemberFactory()
    tenant = customer.tenant
    order, delivery = OrderFactory(tenant=tenant, customer=customer), DeliveryFactory(tenant=tenant, customer=customer)
    admin = MemberFactory(tenant=tenant, admin=True, is_support_user=True)
    called = make_webhook(admin)
    people = {
        "admin": admin.user,
        "operator": UserFactory(is_superuser=True),
    }
    ticket = make_ticket(customer, delivery=delivery)
    with tenant_scope(tenant.id):
        tag = Tag.objects.create(tenant=tenant, name="tag")
        reply = CannedReply.objects.create(tenant=tenant, shortcut="hello", language="en", content="Hello")
        macro = Macro.objects.create(tenant=tenant, name="Low", steps=[{"action": "close", "values": {}}])
        message = ticket.conversation.messages.get(sequence=1).id
        terms = make_promise(ticket, first_response=60)
        policy_id, calendar_id = terms.policy_version.policy_id, terms.calendar_version.calendar_id
    rows = {
        "accounts_membership": customer.id, "tenants_tenant": tenant.id, "tenants_portalsettings": tenant.id,
        "orders_order": order.id, "deliveries_delivery": delivery.id, "support_tag": tag.id,
        "support_cannedreply": reply.id, "support_macro": macro.id,
        "conversations_conversation": ticket.conversation_id,
        "support_policy": policy_id, "support_calendar": calendar_id,
        "webhooks_endpoint": called["subscription_id"], "webhooks_webhookdelivery": called["webhook_delivery_id"],
    }  # fmt: skip
    return people, list(requests(rows, ticket, message))


def test_nothing_sent_to_the_admin_is_a_500(world):
    people, all_of_them = world
    browsers = {name: workbench(user) for name, user in people.items()}
    broken = []
    for request in some(iter(all_of_them), min(SAMPLE, len(all_of_them)), SEED):
        for name, browser in browsers.items():
            answer = browser.get(request.path) if request.form is None else browser.post(request.path, request.form)
            if answer.status_code >= 500:
                broken.append(
                    (
                        name,
                        repr(answer.exc_info and answer.exc_info[1])[:120],
                        request.path[:120],
                        str(request.form)[:200],
                    )
                )
    assert not broken, "\n".join(map(str, broken))
