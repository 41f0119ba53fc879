"""The log: one JSON line a request, nobody's words in it, and a line for every reach across tenants."""

import io
import json
import logging
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ondi.accounts.api_keys import issue_api_key
from ondi.accounts.services import end_membership
from ondi.tenants.scope import tenant_scope
from tests.client import ApiClient
from tests.factories import (
    PASSWORD,
    DeliveryFactory,
    MemberFactory,
    TenantFactory,
    UserFactory,
    make_ticket,
)
from tests.workbench import workbench

pytestmark = pytest.mark.django_db(transaction=True)

CANARY = "canary7731"
TICKETS = "/customer/support/tickets"


class Log:
    def __init__(self):
        self.stream = io.StringIO()

    @property
    def text(self):
        return self.stream.getvalue()

    def lines(self, **wanted):
        found = [json.loads(line) for line in self.text.splitlines()]
        return [line for line in found if wanted.items() <= line.items()]

    def requests(self):
        return self.lines(logger="ondi.request")


@pytest.fixture
def log():
    """Everything any logger writes, down to DEBUG, as the product would write it."""
    root, django = logging.getLogger(), logging.getLogger("django")
    written = Log()
    handler = logging.StreamHandler(written.stream)
    handler.setFormatter(django.handlers[0].formatter)
    for logger in (root, django):
        logger.addHandler(handler)
    yield written
    for logger in (root, django):
        logger.removeHandler(handler)


def test_a_request_is_one_line(api, log):
    customer = MemberFactory()
    portal = api.as_(customer)

    answer = portal.get(TICKETS, **{"X-Request-ID": "portal-77"})

    assert answer.status_code == 200
    (line,) = log.requests()
    assert line.pop("timestamp").endswith("Z")
    assert line.pop("ms") >= 0
    assert line == {
        "event": "request", "level": "info", "logger": "ondi.request", "request_id": "portal-77",
        "tenant_id": str(customer.tenant_id), "user_id": str(customer.user_id),
        "method": "GET", "route": "customer/support/tickets", "status": 200, "statements": 2,
    }  # fmt: skip


def test_lines_of_strangers_name_no_tenant(api, log):
    api.as_(MemberFactory()).get(TICKETS)
    api.get(f"/{CANARY}?x={CANARY}")
    api.call(CANARY.upper(), TICKETS)

    _first, unknown_path, odd_method = log.requests()
    assert (unknown_path["route"], unknown_path["status"]) == (None, 404)
    assert odd_method["method"] == "other"
    assert "tenant_id" not in unknown_path
    assert CANARY not in log.text.lower()


def test_admin_pages_are_logged_with_their_person(log):
    agent = MemberFactory(agent=True)

    workbench(agent.user).get(f"/admin/support/ticket/?q={CANARY}")

    line = log.requests()[-1]
    assert (line["user_id"], line["tenant_id"]) == (str(agent.user_id), str(agent.tenant_id))
    assert line["route"] == "admin/support/ticket/"


def test_lines_of_a_program_name_its_key(log):
    tenant = TenantFactory()
    with tenant_scope(tenant.id):
        key, text = issue_api_key(tenant_id=tenant.id, name="platform")

    ApiClient(**{"X-API-Key": text}).call("PUT", "/integrations/orders", body={"orders": []})

    (line,) = log.requests()
    assert (line["user_id"], line["tenant_id"]) == (str(key.id), str(tenant.id))


def test_a_token_of_somebody_who_left_is_logged_with_whose_it_was(api, log):
    customer = MemberFactory()
    portal = api.as_(customer)
    with tenant_scope(customer.tenant_id):
        end_membership(membership=customer)

    assert portal.get(TICKETS).status_code == 401

    (line,) = log.lines(event="entry_refused")
    assert (line["user_id"], line["tenant_id"]) == (str(customer.user_id), str(customer.tenant_id))


def test_nothing_said_or_secret_is_ever_logged(api, log):
    """Canaries in every place where people or programs put words, through good requests and bad ones."""
    tenant = TenantFactory()
    login = UserFactory(email=f"{CANARY}@example.org", password=f"{PASSWORD}{CANARY}")
    MemberFactory(tenant=tenant, user=login, first_name=CANARY, phone=CANARY)
    agent = MemberFactory(tenant=tenant, agent=True)
    with tenant_scope(tenant.id):
        _key, key_text = issue_api_key(tenant_id=tenant.id, name=CANARY)
    secrets = [key_text]

    good = {"email": login.email, "password": f"{PASSWORD}{CANARY}"}
    for body in (good, {**good, "password": CANARY}, {"email": CANARY}, {"email": "\x00" + CANARY, "password": "x"}):
        answer = api.post(f"/auth/login?{CANARY}", body)
        if answer.status_code == 200:
            secrets += [answer.json()["data"][name] for name in ("access_token", "refresh_token")]
    portal, queue = ApiClient(secrets[1]), api.as_(agent)
    assert portal.post("/auth/refresh", {"refresh_token": secrets[2]}).status_code == 200
    portal.post("/auth/refresh", {"refresh_token": secrets[2] + CANARY})
    portal.get("/users/me", Authorization=f"Bearer {secrets[1][:-3]}{CANARY}")
    portal.post("/auth/password", {"current_password": CANARY, "new_password": CANARY})
    created = portal.post(TICKETS, {"subject": CANARY, "message": CANARY}, **{"Idempotency-Key": CANARY})
    ticket = created.json()["data"]["ticket"]
    messages = f"/messaging/conversations/{ticket['conversation']['id']}/messages"
    portal.post(messages, {"content": CANARY})
    portal.post(messages, {"content": CANARY, "message_type": CANARY})
    portal.call("POST", messages, raw=f'{{"content": "{CANARY}'.encode())
    queue.get(f"/messaging/support/tickets?search={CANARY}&status={CANARY}")
    queue.post(f"/messaging/support/tickets/{ticket['id']}/assign-to-me")
    queue.post(f"/messaging/support/tickets/{ticket['id']}/take-over", {"reason": CANARY})
    platform = ApiClient(**{"X-API-Key": key_text})
    order = {"external_id": CANARY, "order_number": CANARY, "customer": {"external_id": CANARY, "email": CANARY}}
    platform.call("PUT", "/integrations/orders", body={"orders": [order]})
    api.get("/integrations/orders", **{"X-API-Key": f"od_{CANARY}", "Host": f"{CANARY}.example"})
    Client().post("/admin/login/", {"username": f"{CANARY}@example.org", "password": CANARY})
    browser = workbench(agent.user)
    browser.get(f"/admin/support/ticket/{ticket['id']}/change/?{CANARY}")
    browser.get(f"/admin/{CANARY}/")

    assert len(log.requests()) >= 20
    assert CANARY not in log.text.lower()
    assert not [secret for secret in secrets if secret in log.text]


def test_a_crash_is_logged_without_its_words(api, log, owner):
    """A broken database rule makes a real crash whose message carries the row's values."""
    portal = api.as_(MemberFactory())
    owner().execute("ALTER TABLE support_ticketevent ADD CONSTRAINT broken CHECK (false) NOT VALID")
    try:
        answer = portal.post(TICKETS, {"subject": CANARY, "message": CANARY})
    finally:
        owner().execute("ALTER TABLE support_ticketevent DROP CONSTRAINT broken")

    assert (answer.status_code, answer.json()["error"]) == (500, "internal_error")
    crash = log.lines(event="unhandled_error")[0]
    assert crash["exception"][:2] == ["IntegrityError", "CheckViolation"]
    assert any("support/services/opening.py" in place for place in crash["at"])
    assert crash["request_id"] == log.requests()[-1]["request_id"]
    assert CANARY not in log.text


class TestAudit:
    @pytest.fixture
    def ticket(self):
        return make_ticket(MemberFactory(tenant=TenantFactory()))

    @pytest.fixture
    def own(self):
        return TenantFactory()

    def refusals(self, log):
        return [(line["tenant_id"], line["rows"]) for line in log.lines(event="cross_tenant_refusal")]

    def test_foreign_rows_asked_for_in_vain_are_named(self, api, log, ticket, own):
        portal, queue = api.as_(MemberFactory(tenant=own)), api.as_(MemberFactory(tenant=own, lead=True))
        foreign = [{"id": str(ticket.id), "tenant_id": str(ticket.tenant_id)}]
        conversation = [{"id": str(ticket.conversation_id), "tenant_id": str(ticket.tenant_id)}]

        for call, rows in (
            (lambda: portal.get(f"{TICKETS}/{ticket.id}"), foreign),
            (lambda: portal.post(f"{TICKETS}/{ticket.id}/close"), foreign),
            (lambda: queue.post(f"/messaging/support/tickets/{ticket.id}/assign-to-me"), foreign),
            (lambda: queue.get(f"/messaging/conversations/{ticket.conversation_id}/messages"), conversation),
        ):
            before = len(self.refusals(log))
            assert call().status_code == 404
            assert self.refusals(log)[before:] == [(str(own.id), rows)]

    def test_links_people_and_tenants_of_others_are_named_too(self, api, log, own):
        customer, agent = MemberFactory(tenant=own), MemberFactory(tenant=own, lead=True)
        stranger = MemberFactory(tenant=TenantFactory())
        delivery = DeliveryFactory(tenant=stranger.tenant, customer=stranger)
        conversation = make_ticket(customer, agent=agent).conversation_id
        portal = api.as_(customer)

        portal.post(TICKETS, {"subject": "x", "message": "x", "related_delivery_id": str(delivery.id)})
        portal.get(f"{TICKETS}?tenant_id={stranger.tenant_id}")
        people = {"action": "add", "user_ids": [str(stranger.user_id)]}
        api.as_(agent).call("PUT", f"/messaging/conversations/{conversation}/participants", body=people)

        named = [row["id"] for _tenant, rows in self.refusals(log) for row in rows]
        assert named == [str(delivery.id), str(stranger.tenant_id), str(stranger.user_id)]

    def test_admin_pages_and_actions_count(self, log, ticket, own):
        client = workbench(MemberFactory(tenant=own, agent=True).user)

        assert client.get(f"/admin/support/ticket/{ticket.id}/change/").status_code == 302
        client.post("/admin/support/ticket/", {"action": "close_selected", "_selected_action": [str(ticket.id)]})

        assert [tenant for tenant, _rows in self.refusals(log)] == [str(own.id)] * 2

    def test_what_is_ones_own_or_nobodys_is_no_reach_across(self, api, log, own):
        customer = MemberFactory(tenant=own)
        portal = api.as_(customer)
        colleague = make_ticket(MemberFactory(tenant=own))

        portal.get(f"{TICKETS}/{colleague.id}")
        portal.get(f"{TICKETS}/0197f0a0-0000-7000-8000-000000000000")
        portal.get(f"{TICKETS}/{make_ticket(customer).id}")

        assert self.refusals(log) == []

    def test_a_refusal_that_names_no_row_asks_for_none(self, api, own):
        portal = api.as_(MemberFactory(tenant=own))

        with CaptureQueriesContext(connection) as asked:
            assert portal.post(TICKETS, {}).status_code == 400

        assert not [one for one in asked if "ondi_foreign_rows" in one["sql"]]


def test_audit_knows_every_table_behind_the_wall(owner):
    """Whatever has an id and a tenant is found by its id, a table that is new since the function was made among it."""
    ours, theirs, row = (str(uuid4()) for _id in range(3))
    owner().execute("CREATE TABLE odd_new (id uuid PRIMARY KEY, tenant_id uuid)")
    try:
        owner().execute("ALTER TABLE odd_new ENABLE ROW LEVEL SECURITY")
        owner().execute("CREATE POLICY owner ON odd_new TO ondi_owner USING (true)")
        owner().execute("INSERT INTO odd_new VALUES (%s, %s)", [row, theirs])
        for scope, found in ((ours, [(UUID(row), UUID(theirs))]), (theirs, [])):
            with tenant_scope(UUID(scope)), connection.cursor() as cursor:
                cursor.execute("SELECT id, tenant_id FROM ondi_foreign_rows_2(%s::uuid[])", [[row]])
                assert cursor.fetchall() == found
    finally:
        owner().execute("DROP TABLE odd_new")
