"""Who opens every screen of the registry, and how many statements it costs.

BEGIN, COMMIT, SAVEPOINT, RELEASE are not counted.
"""

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ondi.accounts.api_keys import issue_api_key
from ondi.accounts.models import ApiKey
from ondi.notifications.sender_addresses import allow_domain
from ondi.notifications.texts import Text
from ondi.notifications.types import Channel
from ondi.tenants.scope import tenant_scope
from ondi.webhooks.models import Endpoint, WebhookDelivery
from orders.models import OrderItem
from support.admin.bulk import bulk_actions
from support.admin.buttons import BUTTONS
from support.models import Calendar, CannedReply, Macro, Tag, TicketTag
from support.notices import REPLY
from support.services import close_ticket, release_ticket, write_note
from support.settings.services import update_portal_settings
from support.settings.texts import set_notification_texts
from tests.api.test_statements import NOT_COUNTED
from tests.factories import (
    DeliveryFactory,
    MemberFactory,
    OrderFactory,
    UserFactory,
    actor,
    make_promise,
    make_ticket,
    make_webhook,
)
from tests.registry.screens import (
    ACTION_AT_MOST,
    DJANGOS,
    LIST_AT_MOST,
    MODELS,
    OPENED,
    PEOPLE,
    ROW_AT_MOST,
    SCREENS,
    models_with_screens,
    pages_there_are,
)
from tests.workbench import workbench

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def people(tenant):
    return {
        "support_user": MemberFactory(tenant=tenant, agent=True),
        "lead": MemberFactory(tenant=tenant, lead=True),
        "viewer": MemberFactory(tenant=tenant, viewer=True),
        "admin": MemberFactory(tenant=tenant, admin=True),
    }


@pytest.fixture
def clients(people):
    operator = UserFactory(is_superuser=True)
    return {**{name: workbench(member.user) for name, member in people.items()}, "operator": workbench(operator)}


def fill(tenant, people, number):
    """So many tickets, each with everything a ticket can have."""
    agent, tickets = people["support_user"], []
    for place in range(number):
        customer = MemberFactory(tenant=tenant)
        about = {"order": OrderFactory(tenant=tenant, customer=customer)}
        if place % 2:
            about = {"delivery": DeliveryFactory(tenant=tenant, customer=customer)}
        ticket = make_ticket(customer, agent=agent if place % 3 else None, **about)
        with tenant_scope(tenant.id):
            if "order" in about:
                OrderItem.objects.create(tenant=tenant, order=about["order"], position=1, name="lamp")
            tag = Tag.objects.create(tenant=tenant, name=f"tag {number} {place}")
            TicketTag.objects.create(tenant=tenant, ticket=ticket, tag=tag)
            CannedReply.objects.create(tenant=tenant, shortcut=f"reply{number}-{place}", language="en", content="Hello")
            Macro.objects.create(
                tenant=tenant, name=f"macro {number} {place}", steps=[
                    {"action": "tags", "values": {"add": [str(tag.id)]}},
                    {"action": "note", "values": {"content": "Hello"}},
                    {"action": "assign", "values": {"assignee_id": str(agent.id)}},
                ],
            )  # fmt: skip
            write_note(actor=actor(agent), ticket_id=ticket.id, content="A note")
            if place % 5 == 4:
                close_ticket(actor=actor(agent), ticket_id=ticket.id)
        tickets.append(ticket)
    with tenant_scope(tenant.id):
        issue_api_key(tenant_id=tenant.id, name="platform")
        update_portal_settings(
            actor=actor(people["admin"]),
            changes={"acknowledgement_html": {"en": f"Thanks {number}"}, "sender_address": "help@shop.example"},
        )
        set_notification_texts(
            actor=actor(people["admin"]), kind=REPLY, channel=Channel.EMAIL, texts={"en": Text(f"News {number}")}
        )
        allow_domain(tenant_id=tenant.id, domain="shop.example")
    make_webhook(people["admin"])
    for ticket in tickets:
        make_promise(ticket, first_response=60, resolution=480)
    return tickets


def rows_about(ticket):
    """The rows that addresses and forms name, by their kind."""
    with tenant_scope(ticket.tenant_id):
        message = ticket.conversation.messages.get(sequence=1).id
        tag, key = Tag.objects.first().id, ApiKey.objects.first().id
        calendar, macro = Calendar.objects.first().id, Macro.objects.first().id
        webhook, sent = Endpoint.objects.first().id, WebhookDelivery.objects.first().id
    return {
        "ticket": ticket.id, "message": message, "customer": ticket.requester_id, "tag": tag, "action": "priority",
        "tenant": ticket.tenant_id, "order": ticket.order_id, "delivery": ticket.delivery_id, "key": key,
        "webhook": webhook, "sent": sent, "calendar": calendar, "macro": macro,
    }  # fmt: skip


def paths(tickets):
    ids = rows_about(tickets[0])
    return {screen.name: screen.address(ids) for screen in OPENED}


def cost(client, path):
    """The status, and the statements it took to say all of the answer."""
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(path)
        if answer.streaming:
            b"".join(answer.streaming_content)
    return answer.status_code, [one["sql"] for one in captured if not NOT_COUNTED.match(one["sql"])]


def test_every_screen_is_in_the_registry():
    """All other tests of every screen read it, so this is the one place where a missing row is told."""
    for label in set(models_with_screens()) - set(MODELS):
        pytest.fail(f"add {label!r}: who opens it to MODELS in tests/registry/screens.py")
    of_models = {f"{model}_{page}" for model in MODELS for page in ("changelist", "add", "change", "delete", "history")}
    for name in pages_there_are() - of_models - DJANGOS - {screen.name for screen in SCREENS}:
        pytest.fail(f"add Screen({name!r}, path, statements, who) to SCREENS in tests/registry/screens.py")
    assert set(MODELS) == set(models_with_screens()), "a row of MODELS has no screen"
    assert {screen.name for screen in SCREENS} <= pages_there_are(), "a row of SCREENS has no page"


def test_every_screen_stands_in_the_side_bar_once_and_nowhere_twice(clients):
    places = []
    for label, model in models_with_screens().items():
        entries = admin.site._registry[model].entries
        assert entries, f"{label}: say by `entries` of its admin class where it stands in the side bar"
        places += [(entry.section, entry.place) for entry in entries]
    assert len(places) == len(set(places))
    page = clients["operator"].get("/admin/").content.decode()
    links = [
        f'"/admin/{name}/' for name in ("support/ticket", "accounts/membership", "orders/order", "datafixes/fixrun")
    ]
    bar = page[page.index('id="nav-sidebar"') :]
    assert sorted(links, key=bar.index) == links


def test_bulk_actions_are_those_of_the_table():
    assert set(bulk_actions()) == {f"{name}_selected" for name, action in BUTTONS.items() if action.action.in_bulk} | {
        "macro_selected",
        "urgent_selected",
    }


@pytest.mark.parametrize("name", BUTTONS)
def test_actions_stay_within_their_statements(tenant, people, clients, name):
    ticket = fill(tenant, people, 2)[1]  # the agent's
    form = {"reason": "away", "assignee": people["lead"].id, "priority": "low", "when": "1h", "item": "", "tags": []}
    with tenant_scope(tenant.id):
        if name in ("claim", "reopen"):
            release_ticket(actor=actor(people["support_user"]), ticket_id=ticket.id)
        if name == "reopen":
            close_ticket(actor=actor(people["support_user"]), ticket_id=ticket.id)
    client = clients["support_user" if name in ("release", "assign") else "lead"]

    with CaptureQueriesContext(connection) as captured:
        answer = client.post(f"/admin/support/ticket/{ticket.id}/action/{name}/", form)

    told = [message.tags for message in answer.wsgi_request._messages]
    assert (answer.status_code, told) == (302, ["success"])
    statements = [one["sql"] for one in captured if not NOT_COUNTED.match(one["sql"])]
    assert len(statements) <= ACTION_AT_MOST, (len(statements), statements)


@pytest.mark.parametrize("person", PEOPLE)
def test_pages_open_to_whom_the_table_says(tenant, people, clients, person):
    ids = rows_about(fill(tenant, people, 1)[0])
    client = clients[person]

    for model, allowed in MODELS.items():
        path = f"/admin/{model.replace('_', '/')}/"
        assert client.get(path).status_code == (200 if person in allowed else 403), model
    for screen in OPENED:
        expected = 200 if person in screen.who else screen.closed
        assert client.get(screen.address(ids)).status_code == expected, screen.name


def test_statements_do_not_grow_and_stay_within_the_table(tenant, people, clients):
    opening = [(screen, clients["lead" if "lead" in screen.who else "admin"]) for screen in OPENED]
    few = rows_about(fill(tenant, people, 2)[0])
    costs = [(screen, client, cost(client, screen.address(few))[1]) for screen, client in opening]
    many = rows_about(fill(tenant, people, 24)[0])

    for screen, client, before in costs:
        status, statements = cost(client, screen.address(many))
        assert status == 200
        at_most = min(screen.statements, len(before))
        assert len(statements) <= at_most, (screen.name, len(statements), len(before), statements)


def test_lists_and_rows_of_every_model_stay_within_their_limit(tenant, people, clients):
    fill(tenant, people, 12)
    for label, model in models_with_screens().items():
        client = clients["operator"]
        status, statements = cost(client, f"/admin/{label.replace('_', '/')}/")
        assert status == 200
        assert len(statements) <= LIST_AT_MOST, (label, statements)
        with tenant_scope(tenant.id):
            row = model._default_manager.first()
        if row is None:
            assert label in ("accounts_refreshfamily", "datafixes_fixrun"), (
                "nobody signed in at the API, nothing was fixed"
            )
            continue
        status, statements = cost(client, f"/admin/{label.replace('_', '/')}/{row.pk}/change/")
        assert status == 200
        assert len(statements) <= ROW_AT_MOST, (label, len(statements), statements)


def test_no_list_counts_a_whole_table(tenant, people, clients):
    fill(tenant, people, 3)
    for model in MODELS:
        _status, statements = cost(clients["operator"], f"/admin/{model.replace('_', '/')}/")
        for statement in statements:
            assert "COUNT(" not in statement.upper() or "LIMIT" in statement.upper(), statement


@pytest.mark.parametrize("person", ["viewer", "operator"])
def test_who_only_looks_changes_nothing(tenant, people, clients, person, owner):
    ticket = fill(tenant, people, 1)[0]
    client, path = clients[person], f"/admin/support/ticket/{ticket.id}"
    said = {"content": "x", "last_sequence": "2", "assignee": "", "status": "open", "reason": "x", "priority": "low"}
    before = owner().execute("SELECT md5(string_agg(t::text, '')) FROM support_ticket t").fetchone()

    page = client.get(f"{path}/change/").content.decode()
    for action in BUTTONS:
        client.post(f"{path}/action/{action}/", said)
    for view in ("reply", "note"):
        client.post(f"{path}/{view}/", said)
    client.post("/admin/support/ticket/next/")
    client.post("/admin/support/ticket/", {"action": "close_selected", "_selected_action": [str(ticket.id)]})

    assert "/action/" not in page
    assert 'name="content"' not in page
    assert 'name="action"' not in client.get("/admin/support/ticket/?tab=open").content.decode()
    assert owner().execute("SELECT md5(string_agg(t::text, '')) FROM support_ticket t").fetchone() == before


@pytest.mark.parametrize(
    "path", ["support/ticket/", "support/tag/add/?_popup=1", "support/tag/x/change/", "nothing/there/"]
)
def test_pages_of_every_kind_load_the_workbench(clients, path):
    answer = clients["admin"].get(f"/admin/{path}", follow=True)
    assert b'<script type="module" src="/static/support/workbench.js">' in answer.content


def test_the_page_to_sign_in_loads_the_workbench(client):
    assert b'<script type="module" src="/static/support/workbench.js">' in client.get("/admin/login/").content
