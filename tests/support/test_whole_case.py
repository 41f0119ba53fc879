"""One case from first message to the next one, through HTTP only."""

import pytest

from tests.client import ApiClient
from tests.factories import DeliveryFactory, MemberFactory, TenantFactory
from tests.races import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]


def test_a_whole_case(api):
    tenant = TenantFactory(allow_customer_close=False)
    customer = MemberFactory(tenant=tenant, external_id="c-1", language="ar", first_name="Layla", last_name="Hassan")
    agents = [MemberFactory(tenant=tenant, agent=True) for _agent in range(2)]
    delivery = DeliveryFactory(tenant=tenant, customer=customer, external_id="d-1", status="in_transit")
    admin = api.as_(MemberFactory(tenant=tenant, admin=True))
    texts = {"en": "<p>We answer soon.</p>", "ar": "<p>سنجيب قريباً.</p>"}
    admin.call(
        "PUT", "/delivery/customer-portal/settings", body={"support_ticket_settings": {"acknowledgement_html": texts}}
    )
    portal, workbenches = api.as_(customer), [api.as_(agent) for agent in agents]
    about = {"subject": "Late", "message": "Where is it?", "related_delivery_id": str(delivery.id)}

    # the customer opens and sees the acknowledgement
    ticket = portal.post("/customer/support/tickets", about).json()["data"]["ticket"]
    chat = f"/messaging/conversations/{ticket['conversation']['id']}/messages"
    assert ticket["conversation"]["unread_count"] == 1
    assert [message["content"] for message in portal.get(chat).json()["data"]["messages"]] == [
        texts["ar"],
        "Where is it?",
    ]

    # two agents race to claim; the winner replies
    claims = at_once(
        [
            lambda workbench=workbench: workbench.post(f"/messaging/support/tickets/{ticket['id']}/assign-to-me")
            for workbench in workbenches
        ]
    )
    assert sorted(claim.status_code for claim in claims) == [200, 409]
    winner = workbenches[0] if claims[0].status_code == 200 else workbenches[1]
    loser = next(claim for claim in claims if claim.status_code == 409)
    won = next(claim for claim in claims if claim.status_code == 200).json()["data"]["ticket"]
    assert loser.json()["data"]["assigned_to_user"] == won["assigned_to_user"]
    assert winner.post(chat, {"content": "It is on its way."}).status_code == 201

    # the customer's count and whose turn it is; the customer reads and answers
    shown = portal.get(f"/customer/support/tickets/{ticket['id']}").json()["data"]["ticket"]
    assert (shown["conversation"]["unread_count"], shown["waiting_on"]) == (1, "customer")
    portal.get(chat)
    assert portal.get("/customer/support/summary").json()["data"] == {"open_tickets": 1, "unread_messages": 0}
    assert portal.post(chat, {"content": "Thank you"}).status_code == 201

    # the platform delivers: one message, in Arabic for an Arabic reader
    with_key = ApiClient(**{"X-API-Key": _key(tenant)})
    news = {"external_id": "d-1", "customer": {"external_id": "c-1"}, "status": "delivered",
            "source_updated_at": "2026-11-23T10:00:00Z"}  # fmt: skip
    for expected in ("updated", "unchanged"):
        results = with_key.call("PUT", "/integrations/deliveries", body={"deliveries": [news]}).json()["data"][
            "results"
        ]
        assert results[0]["status"] == expected
    newest = portal.get(chat, {"language": "ar"}).json()["data"]["messages"]
    assert (newest[0]["content"], newest[1]["content"]) == ("وصلت توصيلتك.", "Thank you")

    # the agent closes; a reply is refused; a new ticket is allowed; reopening the old one is the conflict
    assert winner.post(f"/messaging/support/tickets/{ticket['id']}/close").status_code == 200
    assert portal.post(chat, {"content": "One more"}).json()["error"] == "conversation_closed"
    again = portal.post("/customer/support/tickets", about).json()["data"]["ticket"]
    reopened = winner.post(f"/messaging/support/tickets/{ticket['id']}/reopen")
    assert (reopened.status_code, reopened.json()["data"]["existing_ticket_id"]) == (409, again["id"])


def _key(tenant):
    from ondi.accounts.api_keys import issue_api_key
    from ondi.tenants.scope import tenant_scope

    with tenant_scope(tenant.id):
        return issue_api_key(tenant_id=tenant.id, name="platform")[1]
