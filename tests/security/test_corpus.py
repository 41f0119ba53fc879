"""Hostile text goes through every field and comes out of every door as the text it is, or is refused."""

import io
import json
import logging
from html.parser import HTMLParser
from urllib.parse import quote

import pytest

from conversations.models import Message
from ondi.accounts.api_keys import issue_api_key
from ondi.accounts.models import Membership
from ondi.api.middleware import SANE_REQUEST_ID
from ondi.common.text import TextRefused, plain_text
from ondi.tenants.scope import tenant_scope
from orders.models import Order
from support.models import CannedReply, Tag, TicketNote
from tests.client import ApiClient
from tests.factories import MemberFactory, TenantFactory, make_ticket
from tests.registry.document import body_fields, is_free_text, query_parameters, with_value
from tests.registry.routes import ROUTES
from tests.registry.screens import MODELS
from tests.security.corpus import MARK, STRINGS
from tests.workbench import workbench
from tests.world import build_world

pytestmark = pytest.mark.django_db(transaction=True)

TICKETS = "/customer/support/tickets"
# Who of the world's people calls a route, and every which of the strings goes through each field of every route.
CALLERS = ("customer", "lead", "admin", "api_key")
SPACING = 41
NEW = {"subject": "Hello", "message": "Hello"}


def accepted(text, **limits):
    """What the text rules let through, as it is stored; None for what they refuse."""
    try:
        return plain_text(text, max_length=8000, **limits)
    except TextRefused:
        return None


LINES = [text for text in STRINGS if accepted(text, one_line=True)]
TEXTS = [text for text in STRINGS if accepted(text)]


@pytest.fixture
def agent(tenant):
    return MemberFactory(tenant=tenant, agent=True)


@pytest.fixture
def portal(api, tenant):
    return api.as_(MemberFactory(tenant=tenant))


@pytest.fixture(autouse=True)
def log():
    """Whatever is logged stays one JSON object a line, without a word of what was sent."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.getLogger("django").handlers[0].formatter)
    for name in ("", "django"):
        logging.getLogger(name).addHandler(handler)
    yield
    for name in ("", "django"):
        logging.getLogger(name).removeHandler(handler)
    for line in stream.getvalue().splitlines():
        assert isinstance(json.loads(line), dict)
    assert MARK not in stream.getvalue()


def checked(answer):
    """The body of an API answer that is nothing but JSON."""
    assert answer.status_code < 500
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    for name, value in answer.headers.items():
        assert MARK not in value, name
        assert "\r" not in value
        assert "\n" not in value
    assert not answer.cookies
    return answer.json()


def test_there_are_enough_of_them():
    assert len(STRINGS) >= 300
    assert all(MARK in text for text in STRINGS)
    assert 250 < len(LINES) < len(TEXTS) < len(STRINGS), "each rule refuses some"


class TestApi:
    def test_subjects_and_messages(self, portal):
        for text in STRINGS:
            body = checked(portal.post(TICKETS, {"subject": text, "message": text}))
            subject, message = accepted(text, one_line=True), accepted(text)
            if subject is None or message is None:
                refused = set(body["data"]["fields"])
                assert refused == {"subject"} - {subject and "subject"} | {"message"} - {message and "message"}
                continue
            ticket = body["data"]["ticket"]
            assert (ticket["subject"], ticket["conversation"]["title"]) == (subject, subject)
            assert ticket["conversation"]["last_message"]["preview"] == message[:140]
            rows = checked(portal.get(f"/messaging/conversations/{ticket['conversation']['id']}/messages"))
            assert [row["content"] for row in rows["data"]["messages"]] == [message]

    def test_chat_messages(self, portal):
        ticket = checked(portal.post(TICKETS, NEW))["data"]["ticket"]
        for text in STRINGS:
            answer = checked(
                portal.post(f"/messaging/conversations/{ticket['conversation']['id']}/messages", {"content": text})
            )
            if accepted(text):
                assert answer["data"]["message"]["content"] == accepted(text)
            else:
                assert answer["data"]["fields"]["content"][0]["code"] == "invalid"

    def test_reasons_are_kept_as_notes(self, api, portal, tenant, agent):
        ticket = checked(portal.post(TICKETS, NEW))["data"]["ticket"]
        takers = [api.as_(agent), api.as_(MemberFactory(tenant=tenant, agent=True))]
        for number, text in enumerate(STRINGS[::8]):
            path = f"/messaging/support/tickets/{ticket['id']}/take-over"
            checked(takers[number % 2].post(path, {"reason": text}))
        with tenant_scope(tenant.id):
            kept = set(TicketNote.objects.values_list("content", flat=True))
        assert kept
        assert kept <= {accepted(text) for text in TEXTS}

    def test_orders_and_people_of_the_integrations(self, tenant):
        with tenant_scope(tenant.id):
            _key, text = issue_api_key(tenant_id=tenant.id, name="platform")
        platform = ApiClient(**{"X-API-Key": text})
        rows = [
            {"external_id": line[:100], "order_number": line[:60], "status": "shipped", "payment_status": "paid",
             "placed_at": "2026-01-01T00:00:00Z", "source_updated_at": "2026-01-01T00:00:00Z",
             "customer": {"external_id": line[:100], "first_name": line[:60], "last_name": line[:60]}}
            for line in STRINGS
        ]  # fmt: skip
        results = []
        for start in range(0, len(rows), 400):
            answer = checked(platform.call("PUT", "/integrations/orders", body={"orders": rows[start : start + 400]}))
            results += answer["data"]["results"]
        created = sum(result["status"] == "created" for result in results)
        assert len(results) == len(STRINGS)
        assert created > 200
        with tenant_scope(tenant.id):
            assert set(Order.objects.values_list("number", flat=True)) <= {row["order_number"].strip() for row in rows}
            names = Membership.objects.customers().values_list("first_name", flat=True)
            assert set(names) <= {row["customer"]["first_name"].strip() for row in rows}

    @pytest.mark.parametrize("route", ROUTES, ids=str)
    def test_each_word_of_each_route(self, route):
        """In every field and parameter that the document calls text: an answer of JSON, and no header or log of it."""
        world = build_world()
        path, good = world.path(route.path), route.body(world)
        caller = world.clients[next((name for name in CALLERS if route.who[name] not in (401, 403, 404)), "customer")]
        fields = [place for place, schema in body_fields(route.method, route.path).items() if is_free_text(schema)]
        names = [name for name, schema in query_parameters(route.method, route.path).items() if is_free_text(schema)]
        for number, text in enumerate(STRINGS[::SPACING]):
            for place in fields:
                checked(caller.call(route.method, path, body=with_value(good, place, text)))
            if names:
                checked(caller.call(route.method, path, body=good, parameters={names[number % len(names)]: text}))

    def test_headers_queries_and_paths(self, api, agent, portal):
        queue = api.as_(agent)
        for text in STRINGS:
            visible = text.replace("\r", "").replace("\n", "").replace("\0", "").encode().decode("latin-1")
            sent = dict.fromkeys(("Accept-Language", "Origin", "Referer", "User-Agent"), visible)
            if not SANE_REQUEST_ID.fullmatch(visible):  # a sane one is given back, as it should
                sent["X-Request-ID"] = visible
            checked(queue.get("/messaging/support/tickets", {"search": text, "language": text}, **sent))
            checked(portal.post(TICKETS, {}, **{"Idempotency-Key": visible}))
        for text in STRINGS[::4]:
            checked(portal.get(TICKETS, {"page": text, "status": text}))
            checked(portal.get(f"{TICKETS}/{quote(text, safe='')}"))
        for text in LINES[::4]:
            checked(api.post("/auth/login", {"email": text, "password": text, "tenant": text}))


class Structure(HTMLParser):
    """Which elements with which attributes a page has, and where its links lead."""

    def __init__(self, page):
        super().__init__()
        self.found, self.links = set(), set()
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found |= {(tag, name) for name, _value in attrs} | {(tag, "")}
        self.links |= {
            (value or "").strip().lower() for name, value in attrs if name in ("href", "src", "action", "formaction")
        }


class TestAdmin:
    """A page with hostile text has the very elements and attributes of one with harmless text."""

    LISTS = [label.replace("_", "/") for label, who in MODELS.items() if "support_user" in who]

    def fill(self, tenant, agent, texts):
        """A tenant whose every field that people write holds one of these texts; one ticket that holds them all."""
        customer = MemberFactory(tenant=tenant, first_name=texts[0][:100], last_name=texts[-1][:100])
        tickets = [make_ticket(customer, subject=text[:200], message=text) for text in texts]
        ticket = tickets[0]
        with tenant_scope(tenant.id):
            for number, text in enumerate(texts):
                Tag.objects.create(tenant=tenant, name=f"{number}{text}"[:40])
                CannedReply.objects.create(tenant=tenant, shortcut=f"{number}", content=text, language="en")
            TicketNote.objects.bulk_create(
                TicketNote(tenant=tenant, ticket=ticket, author=agent, content=text, created_at=ticket.created_at)
                for text in texts
            )
            Message.objects.bulk_create(
                Message(tenant=tenant, conversation_id=ticket.conversation_id, sequence=number, sender=customer,
                        sender_role="customer", content=text, created_at=ticket.created_at)
                for number, text in enumerate(texts, start=2)
            )  # fmt: skip
            MemberFactory(tenant=tenant, first_name=texts[1][:100], agent=True)
        return tickets

    def pages(self, browser, tickets):
        for name in self.LISTS:
            for page in (1, 2):
                yield name, browser.get(f"/admin/{name}/?p={page}")
        for ticket in tickets[::12]:
            yield "ticket", browser.get(f"/admin/support/ticket/{ticket.id}/change/")
            yield "ticket", browser.get(f"/admin/support/ticket/{ticket.id}/history/")
        conversation = tickets[0].conversation_id
        yield "conversation", browser.get(f"/admin/conversations/conversation/{conversation}/change/")
        yield "front page", browser.get("/admin/")

    def test_pages_with_hostile_text_are_built_like_harmless_ones(self, tenant, agent):
        # As many harmless rows, so that lists have their pages as well.
        harmless_tenant = TenantFactory()
        harmless_agent = MemberFactory(tenant=harmless_tenant, agent=True)
        harmless = self.fill(harmless_tenant, harmless_agent, ["harmless"] * 60)
        usual: dict[str, set] = {}
        for name, answer in self.pages(workbench(harmless_agent.user), harmless):
            assert answer.status_code == 200
            usual.setdefault(name, set()).update(Structure(answer.content.decode()).found)
        tickets = self.fill(tenant, agent, LINES)

        shown = 0
        for name, answer in self.pages(workbench(agent.user), tickets):
            page = answer.content.decode()
            structure = Structure(page)
            assert structure.found <= usual[name], (name, structure.found - usual[name])
            assert not {link for link in structure.links if link.startswith(("javascript:", "data:", "//"))}
            assert f"{MARK}()</script>" not in page
            shown += page.count(MARK)
        assert shown > 2000, "the texts were on the pages"

    def test_search_boxes_and_forms_give_back_what_was_typed_as_text(self, agent):
        browser = workbench(agent.user)
        usual = Structure(browser.get("/admin/support/ticket/?q=harmless").content.decode()).found
        usual |= Structure(browser.get("/admin/support/ticket/?q=%00").content.decode()).found  # with a message
        usual |= Structure(browser.post("/admin/support/tag/add/", {"name": ""}).content.decode()).found
        for text in STRINGS[::5]:  # no multiple of the ways out of an attribute: each kind meets each
            searched = browser.get("/admin/support/ticket/", {"q": text})
            typed = browser.post("/admin/support/tag/add/", {"name": text, "tenant": text})
            for answer in (searched, typed):
                structure = Structure(answer.content.decode())
                assert structure.found <= usual, structure.found - usual
                assert not any(link.startswith(("javascript:", "//")) for link in structure.links)

    def test_sign_in_form_too(self, client):
        usual = Structure(client.post("/admin/login/", {"username": "x", "password": "x"}).content.decode()).found
        for text in LINES[::5]:
            answer = client.post(f"/admin/login/?next={text.encode().hex()}", {"username": text, "password": text})
            assert Structure(answer.content.decode()).found <= usual
