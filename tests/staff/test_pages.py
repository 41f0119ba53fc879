"""Every page of the admin is in this table: who may open it, and how many statements it costs.

A page that is not in it fails the build. BEGIN, COMMIT, SAVEPOINT, RELEASE are not counted.
"""

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver

from ondi.accounts.api_keys import issue_api_key
from ondi.tenants.scope import tenant_scope
from orders.models import OrderItem
from support.admin.bulk import bulk_actions
from support.admin.buttons import BUTTONS
from support.models import CannedReply, Tag, TicketTag
from support.services import close_ticket, release_ticket, write_note
from support.settings.services import update_portal_settings
from tests.api.test_statements import NOT_COUNTED
from tests.factories import DeliveryFactory, MemberFactory, OrderFactory, TenantFactory, UserFactory, actor, make_ticket
from tests.workbench import workbench

pytestmark = pytest.mark.django_db(transaction=True)

# Who opens the lists and forms of a model: everybody on the staff, whoever sees the desk, admins, operators.
STAFF = {"support_user", "lead", "viewer", "admin", "operator"}
SUPPORT = {"support_user", "lead", "viewer", "operator"}
ADMINS = {"admin", "operator"}
OPERATORS = {"operator"}
MODELS = {
    "accounts_apikey": ADMINS, "accounts_membership": STAFF, "accounts_refreshfamily": ADMINS,
    "accounts_settingschange": ADMINS, "accounts_user": OPERATORS, "conversations_conversation": SUPPORT,
    "conversations_message": SUPPORT, "conversations_participant": SUPPORT, "deliveries_delivery": STAFF,
    "datafixes_fixrun": ADMINS, "orders_order": STAFF,
    "support_cannedreply": SUPPORT, "support_tag": SUPPORT, "support_ticket": SUPPORT,
    "support_ticketevent": SUPPORT, "support_ticketnote": SUPPORT,
    "tenants_portalsettings": STAFF, "tenants_tenant": STAFF,
}  # fmt: skip
# Statements at the most, entering included: of any list, of any row's page, and of the desk's pages.
LIST_AT_MOST, ROW_AT_MOST = 9, 12
WORKBENCH_PAGES = {
    "index": ("/admin/", 12),
    "support_ticket_changelist": ("/admin/support/ticket/?tab=open", 9),
    "support_ticket_change": ("/admin/support/ticket/{ticket}/change/", 12),
    "support_ticket_news": ("/admin/support/ticket/{ticket}/news/", 9),
    "support_ticket_action": ("/admin/support/ticket/{ticket}/action/priority/", 6),
    "support_ticket_redact": ("/admin/support/ticket/{ticket}/redact/{message}/", 6),
    "support_ticket_phone": ("/admin/support/ticket/phone/?customer={customer}", 9),
    "support_ticket_export": ("/admin/support/ticket/export/?tab=open", 12),
}
# The acts on a ticket: whether in bulk too, and statements at the most for one ticket.
ACTIONS = {
    "claim": (True, 24), "take_over": (False, 24), "release": (True, 24), "assign": (True, 24), "priority": (True, 24),
    "tags": (True, 24), "snooze": (True, 24), "link": (False, 24), "close": (True, 24), "reopen": (True, 24),
}  # fmt: skip
# Pages that only take a form, or that are Django's own and hold no tenant's data.
POST_ONLY = {"support_ticket_reply", "support_ticket_note", "support_ticket_next"}
DJANGOS = {
    "login", "logout", "password_change", "password_change_done", "autocomplete", "jsi18n", "view_on_site", "app_list",
    "second_factor", "invitation", "search", "toggle_sidebar", None,
}  # fmt: skip


@pytest.fixture
def tenant():
    return TenantFactory()


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
            write_note(actor=actor(agent), ticket_id=ticket.id, content="A note")
            if place % 5 == 4:
                close_ticket(actor=actor(agent), ticket_id=ticket.id)
        tickets.append(ticket)
    with tenant_scope(tenant.id):
        issue_api_key(tenant_id=tenant.id, name="platform")
        update_portal_settings(
            actor=actor(people["admin"]), changes={"acknowledgement_html": {"en": f"Thanks {number}"}}
        )
    return tickets


def paths(tickets):
    ticket = tickets[0]
    with tenant_scope(ticket.tenant_id):
        message = ticket.conversation.messages.get(sequence=1).id
    names = {"ticket": ticket.id, "message": message, "customer": ticket.requester_id}
    return {name: (path.format(**names), most) for name, (path, most) in WORKBENCH_PAGES.items()}


def cost(client, path):
    """The status, and the statements it took to say all of the answer."""
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(path)
        if answer.streaming:
            b"".join(answer.streaming_content)
    return answer.status_code, [one["sql"] for one in captured if not NOT_COUNTED.match(one["sql"])]


def names_of_all_pages():
    resolver = next(found for found in get_resolver().url_patterns if getattr(found, "namespace", "") == "admin")
    found, waiting = set(), list(resolver.url_patterns)
    while waiting:
        pattern = waiting.pop()
        if isinstance(pattern, URLResolver):
            waiting += pattern.url_patterns
        elif isinstance(pattern, URLPattern):
            found.add(pattern.name)
    return found


def test_every_page_is_in_the_table():
    of_models = {f"{model}_{page}" for model in MODELS for page in ("changelist", "add", "change", "delete", "history")}
    assert {f"{model._meta.app_label}_{model._meta.model_name}" for model in admin.site._registry} == set(MODELS)
    known = of_models | set(WORKBENCH_PAGES) | POST_ONLY | DJANGOS

    assert not names_of_all_pages() - known


def test_every_action_is_in_the_table():
    assert {name: action.action.in_bulk for name, action in BUTTONS.items()} == {
        name: bulk for name, (bulk, _most) in ACTIONS.items()
    }
    assert set(bulk_actions()) == {f"{name}_selected" for name, (bulk, _most) in ACTIONS.items() if bulk}


@pytest.mark.parametrize("name", ACTIONS)
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

    told = [str(message) for message in answer.wsgi_request._messages]
    assert (answer.status_code, told) == (302, [f"Done: {BUTTONS[name].label}"])
    statements = [one["sql"] for one in captured if not NOT_COUNTED.match(one["sql"])]
    assert len(statements) <= ACTIONS[name][1], (len(statements), statements)


@pytest.mark.parametrize("person", ["support_user", "lead", "viewer", "admin", "operator"])
def test_pages_open_to_whom_the_table_says(tenant, people, clients, person):
    tickets = fill(tenant, people, 1)
    client = clients[person]

    for model, allowed in MODELS.items():
        path = f"/admin/{model.replace('_', '/')}/"
        assert client.get(path).status_code == (200 if person in allowed else 403), model
    for name, (path, _most) in paths(tickets).items():
        if name == "index":
            expected = 200
        elif name == "support_ticket_phone":
            expected = 200 if person in ("support_user", "lead") else 302
        elif name in ("support_ticket_changelist", "support_ticket_change", "support_ticket_export"):
            expected = 200 if person in SUPPORT else 403
        else:
            expected = 200 if person in SUPPORT else 302
        assert client.get(path).status_code == expected, name


def test_statements_do_not_grow_and_stay_within_the_table(tenant, people, clients):
    client = clients["lead"]
    few = paths(fill(tenant, people, 2))
    costs = {name: cost(client, path)[1] for name, (path, _most) in few.items()}
    many = paths(fill(tenant, people, 24))

    for name, (path, most) in many.items():
        status, statements = cost(client, path)
        assert status == 200
        assert len(statements) <= min(most, len(costs[name])), (name, len(statements), len(costs[name]), statements)


def test_lists_and_rows_of_every_model_stay_within_their_limit(tenant, people, clients):
    fill(tenant, people, 12)
    for model in admin.site._registry:
        label = f"{model._meta.app_label}_{model._meta.model_name}"
        if label not in MODELS:
            continue
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
    for action in ("claim", "release", "close", "priority", "take_over", "reopen"):
        client.post(f"{path}/action/{action}/", said)
    for view in ("reply", "note"):
        client.post(f"{path}/{view}/", said)
    client.post("/admin/support/ticket/next/")
    client.post("/admin/support/ticket/", {"action": "close_selected", "_selected_action": [str(ticket.id)]})

    assert "/act/" not in page
    assert 'name="content"' not in page
    assert 'name="action"' not in client.get("/admin/support/ticket/?tab=open").content.decode()
    assert owner().execute("SELECT md5(string_agg(t::text, '')) FROM support_ticket t").fetchone() == before
