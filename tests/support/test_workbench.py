"""The workbench as agents use it, page by page: what they see, what they send, and what they are told."""

import csv
import io
import re
from datetime import timedelta
from urllib.parse import parse_qsl, urlencode

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from conversations.models import Conversation, Message
from ondi.common.ids import new_id
from ondi.tenants.models import PortalSettings
from ondi.tenants.scope import tenant_scope
from support.models import CannedReply, Tag, Ticket, TicketEvent, TicketNote, TicketViewer
from support.services import change_tags, claim_ticket, close_ticket, post_message, write_note
from support.settings.portal import Portal
from tests.factories import DeliveryFactory, MemberFactory, OrderFactory, TenantFactory, actor, make_ticket, reload
from tests.workbench import form_of, workbench

pytestmark = pytest.mark.django_db(transaction=True)
QUEUE = "/admin/support/ticket/"


@pytest.fixture
def tenant():
    return TenantFactory(name="Tigris", time_zone="Asia/Baghdad")


@pytest.fixture
def customer(tenant):
    return MemberFactory(tenant=tenant, first_name="Layla", last_name="Hassan", phone="+964 790", language="ar")


@pytest.fixture
def sara(tenant):
    return MemberFactory(tenant=tenant, agent=True, first_name="Sara", last_name="Kareem")


@pytest.fixture
def yusuf(tenant):
    return MemberFactory(tenant=tenant, agent=True, first_name="Yusuf", last_name="Rahman")


@pytest.fixture
def lead(tenant):
    return MemberFactory(tenant=tenant, lead=True, first_name="Omar", last_name="Khalil")


@pytest.fixture
def ticket(customer):
    return make_ticket(customer, delivery=DeliveryFactory(tenant=customer.tenant, customer=customer))


@pytest.fixture
def browser(sara):
    return workbench(sara.user)


def page(ticket, *more):
    return "/".join([f"{QUEUE}{ticket.id}", *map(str, more)]) + "/"


def seen(ticket, **changes):
    now = reload(ticket)
    with tenant_scope(now.tenant_id):
        last = now.conversation.message_count
    return {"last_sequence": last, "assignee": now.assignee_id or "", "status": now.status, **changes}


def reply(browser, ticket, content="Hello", **fields):
    return browser.post(page(ticket, "reply"), {"content": content, **seen(ticket), **fields})


def told(response):
    return [str(message) for message in response.wsgi_request._messages]


def chips_in(html):
    """What narrows a list, as its page says it: the query without it, and its words."""
    found = re.findall(r'<a class="wb-asked-chip[^"]*" href="\?([^"]*)"[^>]*><bdi>(.*?)</bdi>', html)
    return [(query.replace("&amp;", "&"), text) for query, text in found]


def messages_of(ticket):
    with tenant_scope(ticket.tenant_id):
        return list(ticket.conversation.messages.values_list("content", flat=True))


def say(member, ticket, content):
    with tenant_scope(ticket.tenant_id):
        post_message(actor=actor(member), conversation_id=ticket.conversation_id, content=content)


class TestQueue:
    def numbers(self, browser, query=""):
        return re.findall(r"<b>#(\d+)</b>", browser.get(f"{QUEUE}{query}").content.decode())

    def test_each_tab_has_its_tickets_and_their_number(self, customer, sara, yusuf, browser):
        at = timezone.now() - timedelta(hours=9)
        tickets = [
            make_ticket(customer, subject=f"No. {number}", at=at + timedelta(hours=number)) for number in range(6)
        ]
        with tenant_scope(customer.tenant_id):
            claim_ticket(actor=actor(sara), ticket_id=tickets[1].id)
            claim_ticket(actor=actor(yusuf), ticket_id=tickets[2].id)
            close_ticket(actor=actor(yusuf), ticket_id=tickets[3].id)
        browser.post(page(tickets[4], "action", "snooze"), {"when": "3h", "version": 1})

        shown = {
            tab: self.numbers(browser, f"?tab={tab}") for tab in ("unassigned", "mine", "open", "snoozed", "closed")
        }
        counts = re.findall(r'wb-count">([\d,+]+)<', browser.get(QUEUE).content.decode())

        assert shown == {"unassigned": ["1", "6"], "mine": ["2"], "open": ["1", "2", "3", "5", "6"], "snoozed": ["5"],
                         "closed": ["4"]}  # fmt: skip
        assert counts == ["2", "1", "0", "5", "1", "1"], "nobody is mentioned"
        assert self.numbers(browser) == shown["unassigned"], "the queue opens with what is nobody's"

    def test_by_assignee(self, customer, sara, yusuf, lead, browser):
        mine, theirs, free = (make_ticket(customer, agent=who) for who in (sara, yusuf, None))
        html = browser.get(f"{QUEUE}?tab=open").content.decode()

        assert f'value="{yusuf.id}"><bdi>Yusuf Rahman</bdi>' in html
        assert self.numbers(browser, "?tab=open&assignee=me") == [str(mine.number)]
        assert self.numbers(browser, f"?tab=open&assignee={yusuf.id}") == [str(theirs.number)]
        assert self.numbers(browser, "?tab=open&assignee=nobody") == [str(free.number)]
        assert self.numbers(browser, f"?tab=open&assignee={lead.id}") == []
        elsewhere = MemberFactory(agent=True)
        assert str(elsewhere.id) not in html
        for nonsense in ("x", "%00", str(elsewhere.id), "9" * 5000):
            assert len(self.numbers(browser, f"?tab=open&assignee={nonsense}")) == 3

    def test_colleagues_are_those_of_workbenches_one_sees(self, sara, browser):
        elsewhere = TenantFactory()
        MemberFactory(tenant=elsewhere, user=sara.user, role="agent")
        stranger = MemberFactory(tenant=elsewhere, agent=True)

        assert str(stranger.id) not in browser.get(QUEUE).content.decode()

    def test_tabs_keep_search_and_filters_but_not_the_page(self, ticket, browser):
        html = browser.get(f"{QUEUE}?tab=open&q=come&priority__exact=medium&assignee=nobody&p=1").content.decode()

        links = re.findall(r'<a href="(\?[^"]+)"[^>]*><bdi>Closed<', html)
        assert links == ["?tab=closed&amp;q=come&amp;assignee=nobody&amp;priority=medium"]

    @pytest.mark.parametrize("query", ["q=%00", "tag=%00", "age=%00", "assignee=%00", "tab=%00", "tenant=x", "p=x",
                                       f"p={'9' * 5000}"])  # fmt: skip
    def test_nonsense_in_the_address_is_no_fault(self, ticket, browser, query):
        assert browser.get(f"{QUEUE}?{query}", follow=True).status_code == 200

    def test_search_looks_everywhere_and_as_the_api_does(self, customer, sara, browser):
        closed = make_ticket(customer, subject="Lamp is black", agent=sara, closed_by=sara)
        make_ticket(customer, subject="Something else")

        assert self.numbers(browser, "?q=lamp") == [str(closed.number)]
        assert self.numbers(browser, "?q=l") == [], "one letter finds nothing"
        assert self.numbers(browser, f"?q=%23{closed.number}") == [str(closed.number)]

    def test_filters_narrow_the_tab(self, tenant, customer, browser):
        high, low = make_ticket(customer, priority="high"), make_ticket(customer, priority="low")
        with tenant_scope(tenant.id):
            tag = Tag.objects.create(tenant=tenant, name="courier")
        browser.post(page(low, "action", "tags"), {"tags": [tag.id], "shown": ""})

        assert self.numbers(browser, "?priority__exact=high") == [str(high.number)]
        assert self.numbers(browser, f"?tag={tag.id}") == [str(low.number)]
        assert len(self.numbers(browser, "?age=1")) == 2
        assert self.numbers(browser, "?age=older") == []
        assert len(self.numbers(browser, "?tag=nonsense&tab=nonsense")) == 2, "an unknown filter is none"

    def test_claim_from_the_row(self, ticket, sara, browser):
        answer = browser.post(page(ticket, "action", "claim"), {"from": f"{QUEUE}?tab=unassigned"})

        assert answer.headers["Location"] == f"{QUEUE}?tab=unassigned", "the agent stays in the queue"
        assert reload(ticket).assignee_id == sara.id

    @pytest.mark.parametrize("address", ["https://evil.example/", "//evil.example/", "javascript:x"])
    def test_claim_leads_to_no_foreign_page(self, ticket, browser, address):
        assert browser.post(page(ticket, "action", "claim"), {"from": address}).headers["Location"] == page(
            ticket, "change"
        )

    def test_next_ticket_claims_and_opens(self, ticket, sara, browser):
        answer = browser.post(f"{QUEUE}next/")

        assert answer.headers["Location"] == page(ticket, "change")
        assert reload(ticket).assignee_id == sara.id
        assert told(browser.post(f"{QUEUE}next/")) == ["No ticket is waiting."]

    def test_an_address_typed_in_claims_nothing(self, ticket, browser):
        answer = browser.get(f"{QUEUE}next/")

        assert answer.headers["Location"] == QUEUE
        assert reload(ticket).assignee_id is None

    def test_title_counts_what_waits_for_me(self, ticket, sara, browser):
        assert 'data-waiting="0"' in browser.get(QUEUE).content.decode()
        with tenant_scope(ticket.tenant_id):
            claim_ticket(actor=actor(sara), ticket_id=ticket.id)
        assert 'data-waiting="1"' in browser.get(QUEUE).content.decode()


class TestPage:
    def test_conversation_notes_and_history_are_one_thread(self, ticket, customer, sara, browser):
        reply(browser, ticket, "On its way")
        browser.post(page(ticket, "note"), {"content": "Call the courier"})
        say(customer, ticket, "Thank you")

        html = browser.get(page(ticket, "change")).content.decode()
        thread = html[html.index('id="wb-thread"') : html.index("wb-composer")]
        said = re.findall(r'wb-said wb-(\w+)"', thread)
        places = [thread.index(text) for text in ("It has not come.", "On its way", "Call the courier", "Thank you")]

        assert said == ["customer", "agent", "note", "customer"]
        assert places == sorted(places)
        assert "Claimed" in thread

    def test_times_are_the_tenants(self, tenant, customer, browser):
        ticket = make_ticket(customer, at=timezone.now().replace(hour=10, minute=5))

        assert ">13:05<" in browser.get(page(ticket, "change")).content.decode()

    def test_delivery_tells_how_late_it_is(self, customer, browser):
        delivery = DeliveryFactory(tenant=customer.tenant, customer=customer, status="in_transit", external_id="ext-1",
                                   promised_at=timezone.now() - timedelta(hours=3, minutes=5))  # fmt: skip
        html = browser.get(page(make_ticket(customer, delivery=delivery), "change")).content.decode()

        assert "3\xa0hours late" in html
        assert "ext-1" in html
        assert "+964 790" in html

    def test_long_conversations_show_their_end_and_lead_back(self, ticket, customer, browser):
        for number in range(60):
            say(customer, ticket, f"line {number}.")

        html = browser.get(page(ticket, "change")).content.decode()
        assert "line 59." in html
        assert "line 5." not in html
        assert "line 5." in browser.get(page(ticket, "change") + "?messages=1000").content.decode()

    def test_every_message_of_a_long_chat_can_be_reached(self, ticket, customer, sara, browser):
        with tenant_scope(ticket.tenant_id):
            conversation, opened = ticket.conversation, ticket.created_at
            Message.objects.bulk_create(
                Message(tenant_id=conversation.tenant_id, conversation=conversation, sequence=number,
                        content=f"no {number}.", sender=customer, sender_role="customer",
                        created_at=opened + timedelta(seconds=number))
                for number in range(2, 2_206)
            )  # fmt: skip
            conversation.message_count = 2_205
            conversation.save()
            write_note(
                actor=actor(sara),
                ticket_id=ticket.id,
                content="Noted",
                at=opened + timedelta(seconds=700, milliseconds=1),
            )
        address, seen_numbers, notes = page(ticket, "change"), set(), []

        for _step in range(5):
            html = browser.get(address).content.decode()
            seen_numbers |= {int(number) for number in re.findall(r"no (\d+)\.", html)}
            notes += re.findall("Noted", html[: html.index("wb-panel")])
            earlier = re.search(r'wb-earlier-page" href="(\?[^"]+)"', html)
            if not earlier:
                break
            assert ("wb-composer" in html) is (not address.endswith("000") or address.endswith("=1000"))
            address = page(ticket, "change") + earlier[1]

        assert seen_numbers == set(range(2, 2_206))
        assert "It has not come." in html, "message 1"
        assert "wb-composer" not in html, "who answers has the newest messages before them"
        assert f'href="{page(ticket, "change")}"' in html, "back to the newest"
        assert notes

    def test_the_beginning_of_a_long_chat_is_one_link_away(self, ticket, customer, browser):
        with tenant_scope(ticket.tenant_id):
            conversation, opened = ticket.conversation, ticket.created_at
            Message.objects.bulk_create(
                Message(tenant_id=conversation.tenant_id, conversation=conversation, sequence=number,
                        content=f"no {number}.", sender=customer, sender_role="customer",
                        created_at=opened + timedelta(seconds=number))
                for number in range(2, 10_001)
            )  # fmt: skip
            conversation.message_count = 10_000
            conversation.save()

        html = browser.get(page(ticket, "change")).content.decode()
        beginning = re.search(r'href="(\?[^"]+)">To the beginning', html)[1]
        first = browser.get(page(ticket, "change") + beginning).content.decode()

        assert "It has not come." in first
        assert (first.count("wb-said"), "no 1000." in first, "no 1001." in first) == (1_000, True, False)
        later = re.search(r'href="(\?[^"]+)">Show later', first)[1]
        assert "no 1001." in browser.get(page(ticket, "change") + later).content.decode()

    def test_what_is_new_since_the_last_look_begins_with_a_line(self, ticket, customer, sara, browser):
        """Given an agent who has looked, when the customer writes, then a line stands before it, once."""
        reply(browser, ticket, "On its way")
        assert "wb-since" not in browser.get(page(ticket, "change")).content.decode()
        say(customer, ticket, "Still not there.")
        say(customer, ticket, "Hello?")

        by_itself = browser.get(page(ticket, "change"), headers={"X-Workbench-Poll": "1"}).content.decode()
        html = browser.get(page(ticket, "change")).content.decode()

        assert html.count('id="wb-since"') == by_itself.count('id="wb-since"') == 1
        assert html.index("On its way") < html.index('id="wb-since"') < html.index("Still not there.")
        assert 'id="wb-since"' not in browser.get(page(ticket, "change")).content.decode(), "it was looked at"
        kept = browser.get(page(ticket, "change") + "?since=2").content.decode()
        assert kept.index('id="wb-since"') < kept.index("Still not there."), "the page that was open says what it was"

    def test_what_was_on_the_screen_was_seen(self, ticket, customer, sara, browser):
        reply(browser, ticket, "On its way")
        say(customer, ticket, "Thanks")
        browser.get(page(ticket, "news") + "?seen=3")

        assert 'id="wb-since"' not in browser.get(page(ticket, "change")).content.decode()

    @pytest.mark.parametrize("query", ["seen=", "seen=x", "seen=-1", "seen=999999999", f"seen={'9' * 500}"])
    def test_nonsense_for_what_was_seen_moves_no_marker_beyond_the_chat(self, ticket, sara, browser, query):
        reply(browser, ticket, "On its way")

        assert browser.get(f"{page(ticket, 'news')}?{query}").status_code == 200
        with tenant_scope(ticket.tenant_id):
            assert ticket.conversation.participants.get(membership=sara).last_read_sequence == 2

    @pytest.mark.parametrize("query", ["messages=0", "messages=-1", "messages=x", "messages=%00", "messages=%D9%A3",
                                       "messages=999999999", f"messages={'9' * 5000}"])  # fmt: skip
    def test_nonsense_for_a_place_in_the_chat_is_a_page(self, ticket, browser, query):
        html = browser.get(f"{page(ticket, 'change')}?{query}").content.decode()

        assert "It has not come." in html

    def test_a_place_in_a_chat_that_counts_too_many_messages_is_a_page(self, ticket, browser):
        with tenant_scope(ticket.tenant_id):
            Conversation.objects.filter(id=ticket.conversation_id).update(message_count=5_000)

        assert browser.get(f"{page(ticket, 'change')}?messages=2000").status_code == 200

    @pytest.mark.parametrize("key", ["nonsense", "00000000-0000-7000-8000-000000000000", "%00"])
    def test_unknown_ticket_is_a_sentence(self, browser, key):
        answer = browser.get(f"{QUEUE}{key}/change/")

        assert answer.status_code == 302
        assert told(answer) == ["Ticket not found."]

    def test_who_else_is_here(self, ticket, sara, yusuf, browser):
        other = workbench(yusuf.user)
        assert other.get(page(ticket, "news")).json()["viewers"] == ""
        assert browser.get(page(ticket, "news")).json()["viewers"] == "Also here: Yusuf Rahman"
        with time_machine.travel(timezone.now() + timedelta(minutes=1), tick=False):
            assert browser.get(page(ticket, "news")).json()["viewers"] == "", "gone a while ago"
        with tenant_scope(ticket.tenant_id):
            assert TicketViewer.objects.count() == 2

    def test_news_names_the_version(self, ticket, customer, browser):
        before = browser.get(page(ticket, "news")).json()["version"]
        say(customer, ticket, "Hello?")

        assert browser.get(page(ticket, "news")).json()["version"] > before


class TestFiltersOfTheQueue:
    def test_what_narrows_the_list_stands_above_it_each_with_the_list_without_it(self, ticket, browser):
        asked = {"tab": "open", "q": "parcel", "priority": ["high", "urgent"], "assignee": "nobody", "sort": "due"}

        html = browser.get(QUEUE, asked).content.decode()

        assert [text for _query, text in chips_in(html)] == [
            "“parcel”", "Assignee: Nobody", "Priority: High", "Priority: Urgent",
        ]  # fmt: skip
        left = [sorted(parse_qsl(query)) for query, _text in chips_in(html)]
        every = [("assignee", "nobody"), ("priority", "high"), ("priority", "urgent"), ("q", "parcel"),
                 ("sort", "due"), ("tab", "open")]  # fmt: skip
        assert left == [
            [pair for pair in every if pair != gone] for gone in (every[3], every[0], every[1], every[2])
        ], "one value is taken away, and nothing else"
        assert "Sorted by: Due first" in html

    def test_a_list_that_nothing_narrows_has_none(self, ticket, browser):
        assert chips_in(browser.get(QUEUE, {"tab": "open"}).content.decode()) == []

    def test_whose_ticket_it_is_leads_to_all_of_theirs(self, ticket, tenant, yusuf, sara, browser):
        with tenant_scope(ticket.tenant_id):
            claim_ticket(actor=actor(yusuf), ticket_id=ticket.id)
        mine = make_ticket(MemberFactory(tenant=tenant))
        with tenant_scope(ticket.tenant_id):
            claim_ticket(actor=actor(sara), ticket_id=mine.id)
        html = browser.get(QUEUE, {"tab": "open"}).content.decode()

        links = re.findall(r'<a class="wb-assignee" href="([^"]*)"', html)
        assert len(links) == 2
        shown = [browser.get(link.replace("&amp;", "&")).content.decode() for link in links]
        assert [(f"#{ticket.number}<" in one, f"#{mine.number}<" in one) for one in shown].count((True, False)) == 1
        assert [(f"#{ticket.number}<" in one, f"#{mine.number}<" in one) for one in shown].count((False, True)) == 1


class TestReply:
    def test_reply_goes_out_and_the_ticket_is_mine(self, ticket, sara, browser):
        answer = reply(browser, ticket, "On its way")

        assert answer.headers["Location"].endswith("?done=reply")
        assert messages_of(ticket)[-1] == "On its way"
        assert reload(ticket).assignee_id == sara.id

    def test_send_and_close(self, ticket, browser):
        reply(browser, ticket, "Solved", close="1")

        assert reload(ticket).status == "closed"

    @pytest.mark.parametrize(
        ("sent", "location"),
        [
            ({}, "{ticket}?done=reply"),
            ({"then": "elsewhere"}, "{ticket}?done=reply"),
            ({"then": "next", "next": "{other}"}, "{page}{other}/change/#done=reply:{id}"),
            ({"then": "next", "next": "", "from": "{page}?tab=mine"}, "{page}?tab=mine#done=reply:{id}"),
            ({"then": "list", "from": "{page}?q=a%20b"}, "{page}?q=a%20b#done=reply:{id}"),
            ({"then": "list", "from": "https://elsewhere.example/"}, "{page}#done=reply:{id}"),
            ({"then": "next", "next": "//elsewhere.example"}, "{page}#done=reply:{id}"),
        ],
    )
    def test_an_answer_leads_where_its_writer_chose_and_never_elsewhere(self, ticket, browser, sent, location):
        known = {"ticket": page(ticket, "change"), "other": str(new_id()), "id": str(ticket.id), "page": QUEUE}

        answer = reply(browser, ticket, "On its way", **{name: value.format(**known) for name, value in sent.items()})

        assert answer.headers["Location"] == location.format(**known)

    def test_crossed_reply_stops_once_shows_what_is_new_and_goes_through(self, ticket, customer, browser):
        before = seen(ticket)
        say(customer, ticket, "Found it, forget it!")

        stopped = browser.post(page(ticket, "reply"), {"content": "We are looking", **before})
        html = stopped.content.decode()

        assert stopped.status_code == 409
        assert "1 new message" in html
        assert re.search(r"wb-new.*Found it, forget it!", html, re.S)
        assert ">We are looking</textarea>" in html
        assert "We are looking" not in messages_of(ticket)
        shown = dict(re.findall(r'name="(last_sequence|assignee|status)" value="([^"]*)"', html))
        assert browser.post(page(ticket, "reply"), {"content": "We are looking", **shown}).status_code == 302
        assert messages_of(ticket)[-1] == "We are looking"

    def test_colleague_who_took_the_ticket_stops_it(self, ticket, yusuf, browser):
        before = seen(ticket)
        with tenant_scope(ticket.tenant_id):
            claim_ticket(actor=actor(yusuf), ticket_id=ticket.id)

        stopped = browser.post(page(ticket, "reply"), {"content": "Hello", **before})

        assert stopped.status_code == 409
        assert "the ticket is now with: Yusuf Rahman" in stopped.content.decode()

    def test_tag_of_a_colleague_does_not(self, tenant, ticket, yusuf, browser):
        before = seen(ticket)
        with tenant_scope(tenant.id):
            tag = Tag.objects.create(tenant=tenant, name="courier")
            change_tags(actor=actor(yusuf), ticket_id=ticket.id, add=[tag.id])

        assert browser.post(page(ticket, "reply"), {"content": "Hello", **before}).status_code == 302

    def test_closed_meanwhile_keeps_the_text(self, ticket, yusuf, browser):
        before = seen(ticket)
        with tenant_scope(ticket.tenant_id):
            close_ticket(actor=actor(yusuf), ticket_id=ticket.id)

        stopped = browser.post(page(ticket, "reply"), {"content": "One more thing", **before})

        assert stopped.status_code == 409
        assert "This ticket is closed" in stopped.content.decode() or "the ticket is closed" in stopped.content.decode()
        assert "One more thing" in stopped.content.decode()

    @pytest.mark.parametrize(("content", "words"), [
        ("x" * 8001, "This text is too long."), ("  \n ", "This field may not be blank."),
        ("nul \x00 byte", "This value is not valid."), ("", "This field"),
    ])  # fmt: skip
    def test_bad_text_is_refused_with_the_reason_and_kept(self, ticket, browser, content, words):
        answer = reply(browser, ticket, content)

        assert answer.status_code == 400
        assert words in answer.content.decode()
        assert len(messages_of(ticket)) == 1

    def test_longest_reply_goes_out(self, ticket, browser):
        assert reply(browser, ticket, "ع" * 8000).status_code == 302

    def test_tampered_form_is_a_sentence(self, ticket, browser):
        answer = browser.post(page(ticket, "reply"), {"content": "Hello", "last_sequence": "many", "status": ""})

        assert answer.status_code == 400
        assert "Please load this page again." in answer.content.decode()
        assert "Hello" in answer.content.decode()

    def test_signing_in_again_in_mid_reply_leads_back_to_the_ticket(self, ticket, browser, client):
        lost = client.post(page(ticket, "reply"), {"content": "Hello", **seen(ticket)})

        assert lost.headers["Location"].startswith("/admin/login/?next=")
        assert browser.get(page(ticket, "reply")).headers["Location"] == page(ticket, "change")
        assert len(messages_of(ticket)) == 1

    def test_own_ticket_cannot_be_answered(self, tenant, sara, browser):
        own = make_ticket(sara)

        assert 'id="wb-reply"' not in browser.get(page(own, "change")).content.decode()
        assert reply(browser, own).status_code == 403

    def test_note_is_for_colleagues_only_and_stays_possible_when_closed(self, ticket, sara, browser):
        with tenant_scope(ticket.tenant_id):
            close_ticket(actor=actor(sara), ticket_id=ticket.id)
        browser.post(page(ticket, "note"), {"content": "Was the courier's fault"})

        with tenant_scope(ticket.tenant_id):
            assert TicketNote.objects.get().content == "Was the courier's fault"
        assert "Was the courier's fault" not in messages_of(ticket)

    def test_canned_replies_speak_the_customers_language_and_know_the_ticket(self, tenant, ticket, customer, browser):
        with tenant_scope(tenant.id):
            code = ticket.delivery.delivery_code
            arabic = "مرحباً {customer_first_name} {delivery_code} {order_number}"
            for language, content in (("en", "Hello {customer_first_name}"), ("ar", arabic)):
                CannedReply.objects.create(tenant=tenant, shortcut="hello", language=language, content=content)

        html = browser.get(page(ticket, "change")).content.decode()

        assert f'data-canned="مرحباً Layla {code} {{order_number}}"' in html, "what is unknown stays to be seen"
        assert 'data-canned="Hello' not in html

    def test_canned_replies_in_the_tenants_language_for_a_customer_who_speaks_it(self, tenant, browser):
        ticket = make_ticket(MemberFactory(tenant=tenant, language="en"))
        with tenant_scope(tenant.id):
            for language, content in (("ar", "مرحباً"), ("en", "Hello")):
                CannedReply.objects.create(tenant=tenant, shortcut="hello", language=language, content=content)

        assert 'data-canned="Hello"' in browser.get(page(ticket, "change")).content.decode()

    @pytest.mark.parametrize("left", ["{order_number}", "{delivery_code}", "{customer_first_name}"])
    def test_placeholder_without_a_value_stops_the_answer(self, ticket, browser, left):
        stopped = reply(browser, ticket, f"Your number is {left}.")

        html = stopped.content.decode()
        assert stopped.status_code == 400
        assert f"Not sent: fill in or remove {left}." in html
        assert f">Your number is {left}.</textarea>" in html
        assert len(messages_of(ticket)) == 1
        assert reply(browser, ticket, "Use {braces} as {you} like").status_code == 302
        assert browser.post(page(ticket, "note"), {"content": f"Fill in {left}"}).status_code == 302

    def test_unknown_placeholder_is_a_form_error(self, tenant, browser):
        form = {"tenant": tenant.id, "shortcut": "hello", "language": "en", "content": "Hi {first_name} {password}"}
        answer = browser.post(reverse("admin:support_cannedreply_add"), form)

        assert answer.status_code == 200
        assert "Unknown placeholders: {first_name}, {password}" in answer.content.decode()


class TestActions:
    def action(self, browser, ticket, name, **fields):
        return browser.post(page(ticket, "action", name), {"version": reload(ticket).version, **fields})

    def test_assign_to_a_colleague(self, ticket, yusuf, browser):
        self.action(browser, ticket, "assign", assignee=yusuf.id)

        assert reload(ticket).assignee_id == yusuf.id

    def test_priority_tags_and_later(self, tenant, ticket, browser):
        with tenant_scope(tenant.id):
            tag = Tag.objects.create(tenant=tenant, name="refund")
        self.action(browser, ticket, "priority", priority="urgent")
        self.action(browser, ticket, "tags", tags=[tag.id], shown="")
        self.action(browser, ticket, "snooze", when="3d")

        now = reload(ticket)
        assert now.priority == "urgent"
        with tenant_scope(tenant.id):
            assert [found.name for found in now.tags.all()] == ["refund"]
        back = timezone.localtime(now.snoozed_until, timezone.get_fixed_timezone(180))
        assert (back.hour, back.minute) == (9, 0), "nine in the morning where the tenant is"

    def test_chosen_time_is_the_tenants_and_lies_ahead(self, ticket, browser):
        past = self.action(browser, ticket, "snooze", when="at", until="2020-01-01T10:00")
        assert past.status_code == 200
        assert "Choose a day and time that lie ahead." in past.content.decode()
        day = timezone.now() + timedelta(days=100)
        self.action(browser, ticket, "snooze", when="at", until=f"{day:%Y-%m-%d}T10:00")
        assert reload(ticket).snoozed_until.hour == 7
        beyond = self.action(browser, ticket, "snooze", when="at", until="2100-01-01T10:00")
        assert beyond.status_code == 409, "within a year"

    def test_snoozed_ticket_comes_back_when_its_customer_writes(self, ticket, customer, browser):
        self.action(browser, ticket, "snooze", when="7d")
        say(customer, ticket, "Hello?")

        assert reload(ticket).snoozed_until is None

    def test_older_form_does_not_overwrite(self, ticket, yusuf, browser):
        workbench(yusuf.user).post(page(ticket, "action", "priority"), {"version": 1, "priority": "high"})

        stopped = browser.post(page(ticket, "action", "priority"), {"version": 1, "priority": "low"})

        assert stopped.status_code == 409
        assert "This ticket has changed meanwhile." in stopped.content.decode()
        assert reload(ticket).priority == "high"
        version = re.search(r'name="version" value="(\d+)"', stopped.content.decode())[1]
        browser.post(page(ticket, "action", "priority"), {"version": version, "priority": "low"})
        assert reload(ticket).priority == "low", "a second one goes through"

    @pytest.mark.parametrize("version", ["9" * 5000, "-1", "x", "\x00", "٣"])
    def test_nonsense_for_a_version_is_no_fault(self, ticket, browser, version):
        answer = browser.post(page(ticket, "action", "priority"), {"version": version, "priority": "high"})

        assert answer.status_code in (302, 409)

    def test_changed_link_names_the_ticket_in_the_way(self, customer, ticket, browser):
        taken = DeliveryFactory(tenant=customer.tenant, customer=customer)
        other = make_ticket(customer, delivery=taken, subject="Another matter")

        stopped = self.action(browser, ticket, "link", item=f"delivery:{taken.id}")

        assert f"#{other.number} Another matter" in stopped.content.decode()
        free = DeliveryFactory(tenant=customer.tenant, customer=customer)
        self.action(browser, ticket, "link", item=f"delivery:{free.id}")
        assert reload(ticket).delivery_id == free.id

    def test_take_over_reason_is_kept_when_refused(self, ticket, yusuf, browser):
        with tenant_scope(ticket.tenant_id):
            claim_ticket(actor=actor(yusuf), ticket_id=ticket.id)

        refused = self.action(browser, ticket, "take_over", reason="x" * 501)

        assert "This text is too long." in refused.content.decode()
        assert "x" * 501 in refused.content.decode()

    def test_redaction_is_the_leads_and_final(self, ticket, lead, browser):
        with tenant_scope(ticket.tenant_id):
            message = ticket.conversation.messages.get(sequence=1)
        browser.post(page(ticket, "redact", message.id))
        assert messages_of(ticket) == ["It has not come."], "an agent may not"

        leads = workbench(lead.user)
        assert "cannot be brought back" in leads.get(page(ticket, "redact", message.id)).content.decode()
        leads.post(page(ticket, "redact", message.id))

        html = leads.get(page(ticket, "change")).content.decode()
        assert "It has not come." not in html
        assert "This message was removed." in html
        with tenant_scope(ticket.tenant_id):
            event = TicketEvent.objects.get(kind="message_redacted")
        assert "come" not in str(event.after)

    def test_what_is_to_be_redacted_is_quoted_a_note_too(self, ticket, sara, lead, browser):
        with tenant_scope(ticket.tenant_id):
            message = ticket.conversation.messages.get(sequence=1)
            note = write_note(actor=actor(sara), ticket_id=ticket.id, content="Card <4111>")
        leads = workbench(lead.user)

        assert "It has not come." in leads.get(page(ticket, "redact", message.id)).content.decode()
        assert "Card &lt;4111&gt;" in leads.get(page(ticket, "redact", note.id)).content.decode()
        leads.post(page(ticket, "redact", note.id))

        html = leads.get(page(ticket, "change")).content.decode()
        assert "Card" not in html
        assert "This note was removed." in html
        assert "Internal note redacted" in html
        assert f"redact/{note.id}" not in html, "it is gone already"
        assert told(leads.post(page(ticket, "redact", new_id()))) == ["Message not found."]

    def test_what_was_done_is_said_in_words_with_its_opposite(self, ticket, tenant, sara, yusuf, browser):
        """Given each action, when its Undo is pressed, then the ticket is what it was before."""
        with tenant_scope(tenant.id):
            tag = Tag.objects.create(tenant=tenant, name="fragile")
        number, shown = f"#{ticket.number}", ("priority", "assignee_id", "status", "snoozed_until")
        for name, fields, said in (
            ("priority", {"priority": "urgent"}, "Priority is urgent."),
            ("snooze", {"when": "3d"}, "Snoozed until"),
            ("tags", {"tags": [tag.id], "shown": ""}, "Tagged: fragile."),
            ("claim", {}, f"{number} is yours."),
            ("close", {}, f"{number} is closed."),
        ):
            before = reload(ticket)
            *_before, text = told(self.action(browser, ticket, name, **fields))
            assert said in text
            address = re.search(r'form="wb-claim" formaction="([^"]+)"', text)[1].replace("&amp;", "&")

            assert browser.post(address).status_code == 302

            now = reload(ticket)
            assert [getattr(now, field) for field in shown] == [getattr(before, field) for field in shown], name
        with tenant_scope(tenant.id):
            assert not reload(ticket).tags.exists()
            claim_ticket(actor=actor(sara), ticket_id=ticket.id)
        *_before, text = told(self.action(browser, ticket, "assign", assignee=yusuf.id))
        assert f"{number} is now with Yusuf Rahman." in text
        browser.post(re.search(r'formaction="([^"]+)"', text)[1].replace("&amp;", "&"))
        assert reload(ticket).assignee_id == sara.id, "handed on, and taken back with a reason"

    def test_undo_overwrites_nothing_that_a_colleague_did_since(self, ticket, yusuf, browser):
        (text,) = told(self.action(browser, ticket, "priority", priority="urgent"))
        address = re.search(r'formaction="([^"]+)"', text)[1].replace("&amp;", "&")
        self.action(workbench(yusuf.user), ticket, "priority", priority="low")

        stopped = browser.post(address)

        assert stopped.status_code == 409
        assert reload(ticket).priority == "low"

    def test_who_takes_over_what_is_nobodys_any_more_gives_it_back(self, ticket, sara, browser):
        (text,) = told(self.action(browser, ticket, "take_over", reason="I know it"))
        assert reload(ticket).assignee_id == sara.id

        browser.post(re.search(r'formaction="([^"]+)"', text)[1].replace("&amp;", "&"))

        assert reload(ticket).assignee_id is None

    def test_what_was_so_already_is_said(self, ticket, browser):
        assert told(self.action(browser, ticket, "priority", priority="medium")) == [
            "Nothing changed: it was so already."
        ]

    def test_a_tag_is_put_on_and_taken_off_by_itself(self, tenant, ticket, browser):
        with tenant_scope(tenant.id):
            one, other = (Tag.objects.create(tenant=tenant, name=name) for name in ("one", "other"))
        self.action(browser, ticket, "tags", tags=[one.id])
        self.action(browser, ticket, "tags", tags=[other.id])
        self.action(browser, ticket, "tags", shown=one.id)

        with tenant_scope(tenant.id):
            assert [tag.name for tag in reload(ticket).tags.all()] == ["other"]

    def test_dialog_is_the_form_alone(self, ticket, browser):
        html = browser.get(page(ticket, "action", "priority"), headers={"X-Workbench-Dialog": "1"}).content.decode()

        assert html.lstrip().startswith("<form")
        assert "<html" not in html


class TestBulk:
    def post(self, browser, name, tickets, query="?tab=open", **fields):
        return browser.post(
            f"{QUEUE}{query}", {"action": f"{name}_selected", "_selected_action": [t.id for t in tickets], **fields}
        )

    def test_results_are_told_apart_and_named(self, customer, sara, yusuf, browser):
        tickets = [make_ticket(customer) for _number in range(3)]
        with tenant_scope(customer.tenant_id):
            claim_ticket(actor=actor(yusuf), ticket_id=tickets[1].id)
            claim_ticket(actor=actor(sara), ticket_id=tickets[2].id)

        answer = self.post(browser, "claim", tickets)

        assert told(answer) == [
            "Claim: 1 ticket.", f"1 ticket was so already: #{tickets[2].number}",
            f"#{tickets[1].number}: A colleague has this ticket already. (Yusuf Rahman)",
        ]  # fmt: skip

    def test_conflict_links_the_ticket_in_the_way(self, customer, sara, browser):
        delivery = DeliveryFactory(tenant=customer.tenant, customer=customer)
        closed = make_ticket(customer, delivery=delivery, agent=sara, closed_by=sara)
        holder = make_ticket(customer, delivery=delivery, subject="Holds <it>")

        answer = self.post(browser, "reopen", [closed], "?tab=closed")

        html = browser.get(QUEUE).content.decode()
        assert f'href="{page(holder, "change")}"' in html
        assert "Holds &lt;it&gt;" in html
        assert told(answer)[0].startswith(f"#{closed.number}: ")

    def test_ticket_that_left_the_view_stays_as_it_is(self, customer, yusuf, browser):
        here, gone = make_ticket(customer), make_ticket(customer)
        with tenant_scope(customer.tenant_id):
            claim_ticket(actor=actor(yusuf), ticket_id=gone.id)

        answer = self.post(browser, "close", [here, gone], "?tab=unassigned")

        assert (reload(here).status, reload(gone).status) == ("closed", "open")
        assert f"1 ticket is no longer in this view and stays as it is: #{gone.number}" in told(answer)

    def test_action_with_a_question_asks_once(self, customer, browser):
        tickets = [make_ticket(customer) for _number in range(3)]

        asked = self.post(browser, "priority", tickets)
        assert asked.status_code == 200
        assert all(f"#{ticket.number} " in asked.content.decode() for ticket in tickets)
        self.post(browser, "priority", tickets, apply="1", priority="urgent")

        assert [reload(ticket).priority for ticket in tickets] == ["urgent"] * 3

    def test_older_question_does_not_overwrite(self, customer, yusuf, browser):
        here, changed = make_ticket(customer), make_ticket(customer)
        asked = self.post(browser, "priority", [here, changed]).content.decode()
        workbench(yusuf.user).post(page(changed, "action", "priority"), {"version": "", "priority": "high"})

        versions = re.search(r'name="versions" value="([^"]*)"', asked)[1]
        answer = self.post(browser, "priority", [here, changed], apply="1", priority="urgent", versions=versions)

        assert [reload(ticket).priority for ticket in (here, changed)] == ["urgent", "high"]
        assert any(said.startswith(f"#{changed.number}: This ticket has changed meanwhile.") for said in told(answer))

    def test_a_question_about_five_hundred_is_answered(self, customer, browser):
        ticket = make_ticket(customer)
        answer = self.post(
            browser, "priority", [ticket], apply="1", priority="urgent", versions=f"{ticket.id}:1 " * 500,
            _selected_action=[ticket.id, *(new_id() for _number in range(499))],
        )  # fmt: skip

        assert answer.status_code == 302
        assert reload(ticket).priority == "urgent"

    @pytest.mark.parametrize("nonsense", ["x", "\x00", "9" * 5000, "' OR 1=1"])
    @pytest.mark.parametrize("screen", [QUEUE, "/admin/accounts/membership/"])
    def test_malformed_id_is_as_one_nobody_has(self, customer, sara, nonsense, screen):
        ticket = make_ticket(customer)
        browser = workbench(MemberFactory(tenant=customer.tenant, admin=True, is_support_user=True).user)
        action = "priority_selected" if screen == QUEUE else "invite_again"
        chosen = {"action": action, "_selected_action": [nonsense, ticket.id], "apply": "1", "priority": "urgent"}

        answer = browser.post(f"{screen}?tab=open", {**chosen, "versions": f"{ticket.id}:{nonsense} {nonsense}"})

        assert answer.status_code == 302
        assert reload(ticket).priority == ("urgent" if screen == QUEUE else "medium")

    def test_what_is_nobodys_is_assigned_without_a_reason(self, customer, yusuf, browser):
        ticket = make_ticket(customer)

        self.post(browser, "assign", [ticket], apply="1", assignee=yusuf.id, reason="")

        assert reload(ticket).assignee_id == yusuf.id

    def test_tickets_of_two_tenants_are_not_assigned_together(self, customer, sara, browser):
        elsewhere = TenantFactory()
        MemberFactory(tenant=elsewhere, agent=True, user=sara.user)
        tickets = [make_ticket(customer), make_ticket(MemberFactory(tenant=elsewhere))]

        assert told(self.post(browser, "assign", tickets)) == ["Choose tickets of one tenant. Nothing was done."]


class TestPhone:
    def test_caller_is_found_and_the_ticket_is_theirs_and_mine(self, customer, sara, browser):
        found = browser.get(f"{QUEUE}phone/?q=lay+has").content.decode()
        assert f"?customer={customer.id}" in found
        delivery = DeliveryFactory(tenant=customer.tenant, customer=customer)
        form = {"subject": "Called", "message": "Where is it?", "priority": "high", "item": f"delivery:{delivery.id}"}

        answer = browser.post(f"{QUEUE}phone/?customer={customer.id}", form)

        with tenant_scope(customer.tenant_id):
            ticket = Ticket.objects.get()
            assert TicketEvent.objects.get(kind="opened").actor_id == sara.id
        assert answer.headers["Location"] == page(ticket, "change")
        assert (ticket.requester_id, ticket.assignee_id, ticket.delivery_id) == (customer.id, sara.id, delivery.id)

    def test_from_an_order_it_is_chosen_already(self, customer, browser):
        order = OrderFactory(tenant=customer.tenant, customer=customer)
        html = browser.get(f"{QUEUE}phone/?order={order.id}").content.decode()

        assert f'value="order:{order.id}" selected' in html
        assert (
            f"{QUEUE}phone/?order={order.id}" in browser.get(f"/admin/orders/order/{order.id}/change/").content.decode()
        )

    def test_item_that_has_an_open_ticket_names_it(self, ticket, customer, browser):
        form = {"subject": "Again", "message": "Hello", "priority": "low", "item": f"delivery:{ticket.delivery_id}"}
        stopped = browser.post(f"{QUEUE}phone/?customer={customer.id}", form)

        assert stopped.status_code == 409
        assert f"#{ticket.number} " in stopped.content.decode()
        assert 'value="Again"' in stopped.content.decode(), "what was typed stays"

    @pytest.mark.parametrize("term", ["%00", "%00%00x", "a%00b", "%EF%BF%BE", "%D8", "x" * 5000])
    def test_any_search_for_a_caller_is_a_page(self, sara, browser, term):
        assert "Who is calling?" in browser.get(f"{QUEUE}phone/?q={term}").content.decode()

    @pytest.mark.parametrize(
        "query", ["customer=%00", "customer=nonsense", "order=1", "customer=00000000-0000-7000-8000-000000000000"]
    )
    def test_nonsense_asks_who_is_calling(self, sara, browser, query):
        assert "Who is calling?" in browser.get(f"{QUEUE}phone/?{query}").content.decode()


class TestExport:
    def rows(self, browser, query="?tab=open"):
        answer = browser.get(f"{QUEUE}export/{query}")
        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
        text = b"".join(answer.streaming_content).decode()
        return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))

    def test_holds_what_the_list_shows_all_pages_of_it(self, customer, browser):
        for number in range(55):
            make_ticket(customer, subject=f"No. {number}", priority="high" if number % 5 == 0 else "low")

        assert len(self.rows(browser)) == 55
        assert {row["priority"] for row in self.rows(browser, "?tab=open&priority__exact=high")} == {"high"}
        assert len(self.rows(browser, "?q=54")) >= 1
        assert self.rows(browser, "?tab=closed") == []

    @pytest.mark.parametrize("subject", ["=1+1", "+1", "-1", "@SUM(A1)", "＝1", '=HYPERLINK("http://x")'])
    def test_formulas_are_text(self, customer, browser, subject):
        make_ticket(customer, subject=subject)

        assert self.rows(browser)[0]["subject"] == f"'{subject}"

    def test_every_cell_is_quoted(self, customer, browser):
        make_ticket(customer, subject="a;b\t'c'|d")

        text = b"".join(browser.get(f"{QUEUE}export/?tab=open").streaming_content).decode().removeprefix("\ufeff")
        for line in text.splitlines():
            assert re.fullmatch(r'"[^"]*"(,"[^"]*")*', line), line

    def test_nonsense_in_the_address_leads_to_the_queue(self, sara, browser):
        assert browser.get(f"{QUEUE}export/?nonsense__x=1").status_code == 302


class TestDashboard:
    def test_tells_how_the_workbench_stands(self, customer, sara, browser):
        at = timezone.now() - timedelta(hours=5)
        for priority in ("urgent", "urgent", "low"):
            make_ticket(customer, priority=priority, at=at)
        mine = make_ticket(customer, agent=sara, priority="high", subject="Mine", at=at)
        with tenant_scope(customer.tenant_id):
            post_message(actor=actor(sara), conversation_id=mine.conversation_id, content="Hello",
                         at=at + timedelta(minutes=30))  # fmt: skip
            close_ticket(actor=actor(sara), ticket_id=mine.id, at=at + timedelta(hours=2))

        html = browser.get("/admin/").content.decode()

        tiles = r"<b>([^<]+)</b>(opened|closed|open|unassigned|wait for me|first answer|until closed)"
        assert re.findall(tiles, html) == [
            ("3", "open"), ("3", "unassigned"), ("0", "wait for me"), ("4", "opened"), ("1", "closed"),
            ("30 min", "first answer"), ("2 h 0 min", "until closed"),
        ]  # fmt: skip
        assert re.search(r"Urgent</bdi> <b>2<", html)

    def test_period_and_tenant_can_be_chosen(self, tenant, customer, sara, browser):
        elsewhere = TenantFactory(name="Zagros")
        MemberFactory(tenant=elsewhere, agent=True, user=sara.user)
        make_ticket(MemberFactory(tenant=elsewhere))
        make_ticket(customer)
        make_ticket(customer, at=timezone.now() - timedelta(days=20))

        for query, opened, total in (
            ({}, 2, 3),
            ({"days": 30}, 3, 3),
            ({"tenant": elsewhere.id}, 1, 1),
            ({"days": "x"}, 2, 3),
        ):
            html = browser.get(f"/admin/?{urlencode(query)}").content.decode()
            assert f"Opened <b>{opened}</b>" in html
            assert f"<b>{total}</b>open" in html

    def test_who_sees_no_workbench_gets_the_screens(self, tenant):
        html = workbench(MemberFactory(tenant=tenant, role="agent").user).get("/admin/").content.decode()

        assert "wb-tile" not in html
        assert "/admin/orders/order/" in html


class TestOtherScreens:
    def test_orders_deliveries_and_people_show_their_tickets(self, ticket, customer, browser):
        for path in (f"deliveries/delivery/{ticket.delivery_id}", f"accounts/membership/{customer.id}"):
            assert page(ticket, "change") in browser.get(f"/admin/{path}/change/").content.decode()

    def test_but_not_to_who_sees_no_workbench(self, tenant, ticket):
        clerk = workbench(MemberFactory(tenant=tenant, role="agent").user)

        html = clerk.get(f"/admin/deliveries/delivery/{ticket.delivery_id}/change/").content.decode()

        assert str(ticket.id) not in html
        assert ">Tickets</h2>" not in html

    def test_acknowledgement_is_written_by_language(self, tenant):
        form = form_of(Portal(acknowledgement_html={"en": "<p>Thanks<script>x</script></p>", "ar": "<p>شكراً</p>"}))
        workbench(MemberFactory(tenant=tenant, admin=True).user).post(
            f"/admin/tenants/portalsettings/{tenant.id}/change/", form
        )

        with tenant_scope(tenant.id):
            assert PortalSettings.objects.get().values["acknowledgement_html"] == {
                "en": "<p>Thanks</p>",
                "ar": "<p>شكراً</p>",
            }

    def test_polling_is_no_click(self, ticket, browser, settings):
        settings.STAFF_IDLE_LIMIT = timedelta(minutes=60)
        start = timezone.now()
        for minutes in (20, 40, 59):
            with time_machine.travel(start + timedelta(minutes=minutes), tick=False):
                assert browser.get(page(ticket, "news"), headers={"X-Workbench-Poll": "1"}).status_code == 200
        with time_machine.travel(start + timedelta(minutes=61), tick=False):
            assert browser.get(page(ticket, "news"), headers={"X-Workbench-Poll": "1"}).status_code == 302


def test_a_support_user_sees_nothing_of_a_tenant_whose_people_they_only_manage(sara, customer, ticket):
    elsewhere = MemberFactory(tenant=TenantFactory(name="Euphrates"), user=sara.user, admin=True)
    theirs = make_ticket(MemberFactory(tenant=elsewhere.tenant, first_name="Noor"), subject="Lost on the Euphrates")
    browser = workbench(sara.user)

    page, listed = browser.get(f"{QUEUE}{theirs.id}/change/"), browser.get(f"{QUEUE}?tab=open").content.decode()

    assert (page.status_code, browser.get(f"{QUEUE}{ticket.id}/change/").status_code) == (302, 200)
    assert ticket.subject in listed
    assert theirs.subject not in listed
