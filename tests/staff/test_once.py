"""A form of the admin is good for once: clicked twice, sent at once, or sent again after the back button."""

import re

import pytest
from django.test import Client

from ondi.accounts.models import ApiKey
from ondi.common.ids import new_id
from ondi.tenants.scope import tenant_scope
from support.models import CannedReply, Tag, Ticket, TicketNote
from tests.factories import DeliveryFactory, MemberFactory, TenantFactory, make_ticket, reload
from tests.races import at_once
from tests.workbench import workbench

pytestmark = pytest.mark.django_db(transaction=True)
QUEUE = "/admin/support/ticket/"
SENTENCE = "This was sent already; it is not sent twice."


@pytest.fixture
def sara(tenant):
    return MemberFactory(tenant=tenant, admin=True, is_support_user=True)


@pytest.fixture
def browser(sara):
    return workbench(sara.user)


@pytest.fixture
def customer(tenant):
    return MemberFactory(tenant=tenant)


@pytest.fixture
def ticket(customer):
    return make_ticket(customer)


def told(response):
    return [str(message) for message in response.wsgi_request._messages]


def form_ids(html):
    return re.findall(r'name="form_id" value="([^"]+)"', html)


def counted(tenant, model):
    with tenant_scope(tenant.id):
        return model.objects.count()


def reply_to(ticket, content="Hello", **more):
    return {"content": content, "last_sequence": 1, "assignee": "", "status": "open", **more}


def sendings(tenant, ticket):
    """Each form that makes something: its page, where it goes, what it says, and what it makes."""
    customer = ticket.requester_id
    call = {"subject": "Called", "message": "Where?", "priority": "low", "item": ""}
    page = f"{QUEUE}{ticket.id}"
    return {
        "note": (f"{page}/change/", f"{page}/note/", {"content": "x"}, TicketNote),
        "phone": (f"{QUEUE}phone/?customer={customer}", f"{QUEUE}phone/?customer={customer}", call, Ticket),
        "tag": ("/admin/support/tag/add/",) * 2 + ({"tenant": tenant.id, "name": "refund"}, Tag),
        "key": ("/admin/accounts/apikey/add/",) * 2
        + ({"tenant": tenant.id, "name": "shop", "scopes": "changes:read"}, ApiKey),
        "canned": ("/admin/support/cannedreply/add/",) * 2
        + ({"tenant": tenant.id, "shortcut": "hi", "language": "en", "content": "Hi"}, CannedReply),
    }  # fmt: skip


@pytest.mark.parametrize("name", ["note", "phone", "tag", "key", "canned"])
def test_the_second_click_makes_nothing(tenant, ticket, browser, name):
    page, address, said, model = sendings(tenant, ticket)[name]
    form_id = form_ids(browser.get(page).content.decode())[-1]
    before = counted(tenant, model)

    first, second = (browser.post(address, {**said, "form_id": form_id}) for _click in range(2))

    assert counted(tenant, model) == before + 1
    assert (first.status_code, second.status_code) == (302, 302)
    assert second.headers["Location"] == first.headers["Location"]
    assert SENTENCE in told(second)


def test_an_answer_goes_out_once(ticket, browser):
    form_id = form_ids(browser.get(f"{QUEUE}{ticket.id}/change/").content.decode())[0]
    browser.post(f"{QUEUE}{ticket.id}/reply/", reply_to(ticket, form_id=form_id))
    again = browser.post(f"{QUEUE}{ticket.id}/reply/", reply_to(ticket, form_id=form_id))

    with tenant_scope(ticket.tenant_id):
        assert list(ticket.conversation.messages.filter(content="Hello").values_list("sequence", flat=True)) == [2]
    assert again.headers["Location"].endswith("?done=reply"), "its draft goes"
    assert SENTENCE in told(again)


def test_next_ticket_clicked_twice_claims_one(tenant, browser, sara):
    tickets = [make_ticket(MemberFactory(tenant=tenant)) for _number in range(3)]
    form_id = form_ids(browser.get(QUEUE).content.decode())[0]

    leads_to = {browser.post(f"{QUEUE}next/", {"form_id": form_id}).headers["Location"] for _click in range(2)}

    assert len(leads_to) == 1
    assert [reload(ticket).assignee_id for ticket in tickets].count(sara.id) == 1


@pytest.mark.parametrize("kind", ["reply", "note"])
def test_other_words_in_a_sent_form_are_kept_and_go_with_the_next_sending(ticket, browser, kind):
    form_id, address = str(new_id()), f"{QUEUE}{ticket.id}/{kind}/"
    browser.post(address, reply_to(ticket, form_id=form_id))
    with tenant_scope(ticket.tenant_id):
        now = {"last_sequence": 2, "assignee": Ticket.objects.get().assignee_id or ""}

    stopped = browser.post(address, reply_to(ticket, "And the bill", form_id=form_id, **now))

    html = stopped.content.decode()
    assert stopped.status_code == 409
    assert ">And the bill</textarea>" in html
    assert "These are not sent yet." in html
    fresh = form_ids(html)[0 if kind == "reply" else -1]
    assert browser.post(address, reply_to(ticket, "And the bill", form_id=fresh, **now)).status_code == 302


def test_a_second_call_from_a_sent_form_is_said_to_be_one(tenant, ticket, browser):
    _page, address, said, _model = sendings(tenant, ticket)["phone"]
    form_id = str(new_id())
    first = browser.post(address, {**said, "form_id": form_id})

    stopped = browser.post(address, {**said, "subject": "Another matter", "form_id": form_id})

    assert stopped.status_code == 409
    assert f'href="{first.headers["Location"]}"' in stopped.content.decode()
    assert 'value="Another matter"' in stopped.content.decode()
    assert counted(tenant, Ticket) == 2


def test_a_refused_form_is_not_used_up(tenant, customer, ticket, browser):
    form_id, address = str(new_id()), f"{QUEUE}{ticket.id}/reply/"
    taken = DeliveryFactory(tenant=tenant, customer=customer)
    make_ticket(customer, delivery=taken)
    call = {"subject": "x", "message": "y", "priority": "low", "item": f"delivery:{taken.id}", "form_id": form_id}
    calling = f"{QUEUE}phone/?customer={ticket.requester_id}"

    assert browser.post(address, reply_to(ticket, form_id=form_id, last_sequence=0)).status_code == 409
    assert browser.post(address, reply_to(ticket, form_id=form_id)).status_code == 302
    assert browser.post(calling, call).status_code == 409
    assert browser.post(calling, {**call, "item": ""}).status_code == 302
    tag = {"tenant": tenant.id, "name": "", "form_id": form_id}
    assert browser.post("/admin/support/tag/add/", tag).status_code == 200
    assert browser.post("/admin/support/tag/add/", {**tag, "name": "vip"}).status_code == 302


def test_the_id_is_its_persons(tenant, ticket, browser):
    form_id, address = str(new_id()), f"{QUEUE}{ticket.id}/note/"
    colleague = workbench(MemberFactory(tenant=tenant, agent=True).user)

    for client in (browser, colleague):
        client.post(address, {"content": "the same", "form_id": form_id})

    assert counted(tenant, TicketNote) == 2


@pytest.mark.parametrize("form_id", ["", "nonsense", "\x00", "9" * 5000])
def test_a_form_without_an_id_is_taken(tenant, ticket, browser, form_id):
    assert browser.post(f"{QUEUE}{ticket.id}/note/", {"content": "x", "form_id": form_id}).status_code == 302


def test_another_tenants_form_is_refused_and_keeps_nothing(browser, owner):
    """Not by the wall of the database, which would be a fault."""
    theirs = {"tenant": TenantFactory().id, "name": "theirs", "form_id": str(new_id())}

    assert browser.post("/admin/support/tag/add/", theirs).status_code == 200
    assert owner().execute("SELECT count(*) FROM api_idempotencyrecord").fetchone()[0] == 0


@pytest.mark.race
def test_eight_at_once_open_one_ticket(tenant, ticket, sara):
    clients = [workbench(sara.user) for _number in range(8)]
    said = {"subject": "At once", "message": "x", "priority": "low", "item": "", "form_id": str(new_id())}
    address = f"{QUEUE}phone/?customer={ticket.requester_id}"

    answers = at_once([lambda client=client: client.post(address, said) for client in clients])

    assert {answer.status_code for answer in answers} == {302}
    assert len({answer.headers["Location"] for answer in answers}) == 1
    assert counted(tenant, Ticket) == 2


@pytest.mark.parametrize("language", ["en", "ar"])
def test_a_form_older_than_the_sign_in_is_told_so_and_leads_on(ticket, sara, language):
    strict = Client(enforce_csrf_checks=True, headers={"Accept-Language": language})
    strict.force_login(sara.user, backend="django.contrib.auth.backends.ModelBackend")
    address = f"{QUEUE}{ticket.id}/reply/?a=1&b=2"

    answer = strict.post(address, reply_to(ticket))

    html = answer.content.decode()
    assert answer.status_code == 403
    assert "data-wb-lost" in html
    assert f'href="{address.replace("&", "&amp;")}"' in html
    assert "Forbidden" not in html
    assert ("Not sent yet" in html) is (language == "en")


def test_elsewhere_it_is_an_envelope():
    assert Client(enforce_csrf_checks=True).post("/customer/support/tickets", {}).json()["success"] is False
