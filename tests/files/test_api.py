"""A file's way: announced, uploaded, checked, sent, read, and what is refused on it."""

import pytest

from ondi.files.checking import check_due
from ondi.tenants.scope import tenant_scope
from support.services import redact_ticket_message
from tests.factories import MemberFactory, actor, make_ticket
from tests.files.links import follow, put

pytestmark = pytest.mark.django_db(transaction=True)
FILES = "/messaging/attachments"
TEXT = b"It was broken when it came."


@pytest.fixture
def customer(tenant):
    return MemberFactory(tenant=tenant)


@pytest.fixture
def portal(api, customer):
    return api.as_(customer)


def announced(client, body=TEXT, file_name="note.txt", content_type="text/plain", **more):
    answer = client.post(FILES, {"file_name": file_name, "content_type": content_type, "size": len(body), **more})
    assert answer.status_code == 201, answer.json()
    return answer.json()["data"]["attachment"]


def uploaded(client, body=TEXT, **of):
    draft = announced(client, body, **of)
    assert put(draft["upload"], body).status == 200
    return draft["id"]


def ready(client, body=TEXT, **of):
    key = uploaded(client, body, **of)
    assert check_due() == 1
    return key


def test_a_file_goes_from_announcement_to_message(portal, customer):
    ticket = make_ticket(customer)
    draft = announced(portal)
    assert draft["state"] == "waiting"
    assert draft["download_url"] is None

    assert put(draft["upload"], TEXT).status == 200
    assert portal.get(f"{FILES}/{draft['id']}").json()["data"]["attachment"]["state"] == "checking"
    assert check_due() == 1
    there = portal.get(f"{FILES}/{draft['id']}").json()["data"]["attachment"]
    assert there["state"] == "ready"
    read = follow(there["download_url"])
    assert (read.status, read.body) == (200, TEXT)
    assert read.headers["content-disposition"].startswith("attachment")

    address = f"/messaging/conversations/{ticket.conversation_id}/messages"
    said = portal.post(address, {"attachment_ids": [draft["id"]]})
    assert said.status_code == 201, said.json()
    message = said.json()["data"]["message"]
    assert message["content"] == ""
    assert message["attachments"] == [there]
    listed = portal.get(address).json()["data"]["messages"][0]
    assert listed["attachments"] == [there]


def test_a_file_that_was_sent_is_open_to_who_reads_its_message_and_to_nobody_else(api, portal, customer, tenant):
    ticket = make_ticket(customer)
    key = ready(portal)
    agent, other = MemberFactory(tenant=tenant, is_support_user=True, role="agent"), MemberFactory(tenant=tenant)
    assert api.as_(agent).get(f"{FILES}/{key}").status_code == 404
    portal.post(
        f"/messaging/conversations/{ticket.conversation_id}/messages", {"content": "x", "attachment_ids": [key]}
    )

    seen = api.as_(agent).get(f"{FILES}/{key}").json()["data"]["attachment"]

    assert follow(seen["download_url"]).body == TEXT
    assert api.as_(other).get(f"{FILES}/{key}").status_code == 404
    assert api.as_(MemberFactory()).get(f"{FILES}/{key}").status_code == 404


def test_bytes_go_when_the_message_is_taken_back(portal, customer, tenant):
    ticket = make_ticket(customer)
    key = ready(portal)
    address = f"/messaging/conversations/{ticket.conversation_id}/messages"
    message = portal.post(address, {"content": "x", "attachment_ids": [key]}).json()["data"]["message"]
    lead = MemberFactory(tenant=tenant, is_support_user=True, role="lead")
    with tenant_scope(tenant.id):
        redact_ticket_message(actor=actor(lead), ticket_id=ticket.id, message_id=message["id"])

    assert follow(message["attachments"][0]["download_url"]).status == 404
    assert portal.get(address).json()["data"]["messages"][0]["attachments"] == []


def test_what_is_repeated_changes_nothing_and_others_are_refused(portal):
    draft = announced(portal)
    assert put(draft["upload"], TEXT).status == 200
    assert put(draft["upload"], TEXT).status == 200
    other = put(draft["upload"], TEXT[::-1])
    assert (other.status, other.json()["error"]) == (409, "attachment_already_uploaded")
    check_due()
    assert put(draft["upload"], TEXT).status == 200
    assert portal.get(f"{FILES}/{draft['id']}").json()["data"]["attachment"]["state"] == "ready"
