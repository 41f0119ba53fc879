"""What is written at a ticket and not sent: kept for its writer alone, waiting to be sent, and taken back."""

import re
from datetime import timedelta
from threading import Event

import pytest
import time_machine
from django.utils import timezone

from conversations.models import Message
from ondi.accounts.services import update_member
from ondi.api.models import IdempotencyRecord
from ondi.common.ids import new_id
from ondi.files.services import delete_draft
from ondi.tenants.scope import tenant_scope
from support import drafts as services
from support import workers
from support.chores import forget_old_drafts
from support.drafts import Writing, keep_draft, send_later, send_writing, take_back
from support.errors import NotASupportUser, SentAlready, TicketChanged, TicketClosed, TicketNotFound
from support.models import Draft, Ticket, TicketNote
from support.services import Seen, close_ticket, post_message, reply_to_ticket
from support.workers import send_due
from tests.factories import MemberFactory, actor, make_file, make_ticket, reload
from tests.races import at_once, held_up
from tests.workbench import workbench

pytestmark = pytest.mark.django_db(transaction=True)
TEN = timedelta(seconds=10)


@pytest.fixture
def customer(tenant):
    return MemberFactory(tenant=tenant, first_name="Layla")


@pytest.fixture
def sara(tenant):
    return MemberFactory(tenant=tenant, agent=True, first_name="Sara")


@pytest.fixture
def lead(tenant):
    return MemberFactory(tenant=tenant, lead=True, first_name="Omar")


@pytest.fixture
def ticket(customer):
    return make_ticket(customer)


@pytest.fixture
def browser(sara):
    return workbench(sara.user)


def path(ticket, *more):
    return "/".join([f"/admin/support/ticket/{ticket.id}", *map(str, more)]) + "/"


def seen(ticket):
    now = reload(ticket)
    with tenant_scope(now.tenant_id):
        return Seen(now.conversation.message_count, now.assignee_id, now.status)


def answer(ticket, content="It comes today.", **more):
    return Writing("reply", content, seen=seen(ticket), **more)


def in_scope(service, person, ticket, **details):
    who = actor(person)
    with tenant_scope(ticket.tenant_id):
        return service(actor=who, ticket_id=ticket.id, **details)


def later(person, ticket, writing=None, **more):
    return in_scope(send_later, person, ticket, writing=writing or answer(ticket), wait=TEN, **more)


def keep(person, ticket, content, kind="reply", **more):
    return in_scope(keep_draft, person, ticket, writing=Writing(kind, content), **more)


def drafts(ticket):
    """Text, whether it waits, and what refused it."""
    with tenant_scope(ticket.tenant_id):
        found = Draft.objects.order_by("kind", "content")
        return [(one.content, one.send_at is not None, one.refused) for one in found]


def said(ticket):
    with tenant_scope(ticket.tenant_id):
        messages = Message.objects.filter(conversation=ticket.conversation_id, event__isnull=True).order_by("sequence")
        return list(messages.values_list("content", flat=True))[1:]


def rows_with_draft(person):
    """The numbers of the tickets of whose rows in the queue it says "Draft"."""
    page = workbench(person.user).get("/admin/support/ticket/?tab=open").content.decode()
    rows = page.partition('id="result_list"')[2].split("data-row")[1:]
    return [int(re.search(r"<b>#(\d+)</b>", row)[1]) for row in rows if ">Draft<" in row]


def due():
    return send_due(at=timezone.now() + TEN + timedelta(seconds=1))


class TestDrafts:
    def test_are_kept_for_their_writer_and_shown_in_every_browser_of_theirs(self, sara, lead, ticket):
        keep(sara, ticket, "Half a sentence")
        keep(sara, ticket, "For colleagues", "note")

        again = workbench(sara.user).get(path(ticket, "change")).content.decode()
        assert "Half a sentence" in again
        assert "For colleagues" in again
        theirs = workbench(lead.user).get(path(ticket, "change")).content.decode()
        assert "Half a sentence" not in theirs
        assert "For colleagues" not in theirs

    def test_go_when_they_are_sent_or_emptied(self, sara, ticket):
        keep(sara, ticket, "Half")
        in_scope(send_writing, sara, ticket, writing=answer(ticket))
        assert drafts(ticket) == []
        keep(sara, ticket, "Again")
        assert keep(sara, ticket, "").at is None
        assert drafts(ticket) == []

    def test_the_later_writing_wins_and_the_other_is_told(self, sara, ticket):
        first = keep(sara, ticket, "One page")
        other = keep(sara, ticket, "Another page", known_at=None)
        assert other.replaced == "One page"
        assert keep(sara, ticket, "Another page, more", known_at=other.at).replaced == ""
        assert keep(sara, ticket, "One page, more", known_at=first.at).replaced == "Another page, more"
        assert drafts(ticket) == [("One page, more", False, "")]

    def test_who_leaves_can_be_told_nothing_so_both_are_kept(self, sara, ticket):
        keep(sara, ticket, "One page")
        keep(sara, ticket, "Another page", known_at=None, is_leaving=True)
        assert drafts(ticket) == [("One page\n\nAnother page", False, "")]

    def test_what_arrives_after_its_form_was_sent_is_no_draft(self, sara, ticket, browser):
        form = new_id()
        fields = {"content": "Sent", "last_sequence": 1, "assignee": "", "status": "open", "form_id": form}
        assert browser.post(path(ticket, "reply"), fields).status_code == 302
        browser.post(path(ticket, "draft"), {"kind": "reply", "content": "Sen", "form_id": form})
        assert drafts(ticket) == []

    def test_are_deleted_after_a_week_without_a_word(self, sara, ticket):
        now = timezone.now()
        with time_machine.travel(now - timedelta(days=7, minutes=1)):
            keep(sara, ticket, "Old")
            keep(sara, ticket, "Old note", "note")
        with time_machine.travel(now - timedelta(days=6)):
            keep(sara, ticket, "Newer")
        assert forget_old_drafts(at=now) == 1
        assert drafts(ticket) == [("Newer", False, "")]

    @pytest.mark.parametrize(("who", "refusal"), [("customer", NotASupportUser), ("viewer", TicketNotFound)])
    def test_of_nobody_who_may_not_answer(self, tenant, customer, ticket, who, refusal):
        person = customer if who == "customer" else MemberFactory(tenant=tenant, viewer=True)
        with pytest.raises(refusal):
            keep(person, ticket, "x")

    @pytest.mark.parametrize(
        "fields", [{}, {"kind": "x", "content": "x"}, {"kind": "reply", "content": "x\x00"},
                   {"kind": "reply", "content": "x" * 100_001},
                   {"kind": "reply", "content": "x", "attachment_ids": "1"}],
    )  # fmt: skip
    def test_of_tampered_forms_are_refused(self, browser, ticket, fields):
        assert browser.post(path(ticket, "draft"), fields).status_code == 400
        assert drafts(ticket) == []

    def test_by_the_page(self, browser, ticket, sara):
        file = make_file(sara)
        fields = {"kind": "reply", "content": "a\r\nb", "attachment_ids": [file.id], "known": "nonsense"}
        told = browser.post(path(ticket, "draft"), fields).json()
        page = browser.get(path(ticket, "change")).content.decode()
        assert told["known"] in page.replace("&#x2B;", "+")
        assert f"&quot;{file.id}&quot;" in page
        assert browser.post(path(ticket, "draft"), {**fields, "content": "c"}).json()["replaced"] == "a\nb"

    def test_a_row_of_the_queue_says_that_its_reader_has_begun_one(self, sara, lead, ticket, customer):
        """Given two tickets, when Sara begins at one, then her list says so of that one, and nobody else's does."""
        other = make_ticket(customer)
        keep(sara, ticket, "Half a sentence")
        keep(sara, ticket, "For colleagues", "note")

        assert rows_with_draft(sara) == [ticket.number]
        assert rows_with_draft(lead) == []

        keep(lead, other, "Mine", "note")
        assert rows_with_draft(lead) == [other.number]
        assert rows_with_draft(sara) == [ticket.number]

    def test_what_waits_to_be_sent_or_was_sent_is_none_in_the_queue(self, sara, ticket):
        keep(sara, ticket, "Half a sentence")
        later(sara, ticket)
        assert rows_with_draft(sara) == []

        in_scope(take_back, sara, ticket, kind="reply")
        assert rows_with_draft(sara) == [ticket.number]
        in_scope(send_writing, sara, ticket, writing=answer(ticket))
        assert rows_with_draft(sara) == []


class TestWaiting:
    def test_is_sent_when_its_time_is_over_and_not_before(self, sara, ticket):
        keep(sara, ticket, "It comes")
        later(sara, ticket)
        assert send_due(at=timezone.now() + timedelta(seconds=9)) == 0
        assert said(ticket) == []
        assert drafts(ticket) == [("It comes today.", True, "")]

        assert due() == 1
        assert (said(ticket), drafts(ticket), due()) == (["It comes today."], [], 0)
        assert reload(ticket).assignee_id == sara.id

    def test_closes_with_it_and_takes_its_files_along(self, sara, ticket):
        file = make_file(sara)
        later(sara, ticket, answer(ticket, files=[file.id], close=True))
        due()
        assert reload(ticket).status == "closed"
        assert reload(file).parent_id

    def test_a_note_waits_too(self, sara, ticket):
        later(sara, ticket, Writing("note", "Ask the courier."))
        due()
        with tenant_scope(ticket.tenant_id):
            assert TicketNote.objects.get().author_id == sara.id

    def test_what_is_refused_now_is_refused_now_and_leaves_nothing(self, sara, ticket, customer):
        writing = answer(ticket)
        with tenant_scope(ticket.tenant_id):
            post_message(actor=actor(customer), conversation_id=ticket.conversation_id, content="Quicker")
        version = reload(ticket).version
        with pytest.raises(TicketChanged):
            later(sara, ticket, writing)
        assert (drafts(ticket), reload(ticket).version) == ([], version)

    def test_tried_out_it_changes_nothing(self, sara, ticket):
        version = reload(ticket).version
        later(sara, ticket)
        now = reload(ticket)
        assert (now.version, now.assignee_id, said(ticket)) == (version, None, [])

    def test_what_comes_between_makes_it_a_draft_again_with_the_reason(self, sara, ticket, customer, browser):
        later(sara, ticket)
        with tenant_scope(ticket.tenant_id):
            post_message(actor=actor(customer), conversation_id=ticket.conversation_id, content="Quicker")
        due()
        assert said(ticket) == ["Quicker"]
        assert drafts(ticket) == [("It comes today.", False, "ticket_changed")]
        told = browser.get("/admin/support/ticket/notifications/news/").json()["drafts"]
        assert f"#{ticket.number} was not sent" in told[0]["html"]
        page = browser.get(path(ticket, "change")).content.decode()
        assert "Not sent yet: something changed while you were writing." in page
        assert "1 new message" in page
        assert "It comes today." in page

    def test_of_a_ticket_that_was_closed_it_stands_in_the_composer(self, sara, lead, ticket, browser):
        later(sara, ticket, Writing("reply", "Too late"))
        in_scope(close_ticket, lead, ticket)
        due()
        assert drafts(ticket) == [("Too late", False, TicketClosed.code)]
        page = browser.get(path(ticket, "change")).content.decode()
        assert "This ticket is closed." in page
        assert "Too late" in page

    def test_of_somebody_whose_role_ended_it_stays_a_draft(self, sara, ticket):
        later(sara, ticket)
        with tenant_scope(ticket.tenant_id):
            update_member(membership=sara, is_support_user=False)
        due()
        assert (said(ticket), drafts(ticket)) == ([], [("It comes today.", False, NotASupportUser.code)])

    def test_of_files_that_are_gone(self, sara, ticket):
        file = make_file(sara)
        later(sara, ticket, answer(ticket, files=[file.id]))
        with tenant_scope(ticket.tenant_id):
            delete_draft(actor=actor(sara), file_id=file.id)
        due()
        assert drafts(ticket) == [("It comes today.", False, "attachment_not_found")]

    def test_what_breaks_is_not_tried_for_ever_and_holds_up_nobody(self, sara, ticket, customer, monkeypatch):
        other = make_ticket(customer)
        later(sara, ticket)
        later(sara, other)

        def broken(**named):
            if named["ticket_id"] == ticket.id:
                raise ValueError
            return reply_to_ticket(**named)

        monkeypatch.setattr(services, "reply_to_ticket", broken)
        assert (due(), due()) == (2, 0)
        assert drafts(ticket) == [("It comes today.", False, "failed")]
        assert said(other) == ["It comes today."]

    def test_the_next_one_sends_the_first_at_once(self, sara, ticket):
        """What its writer said meanwhile, and that the ticket became theirs, is no news to them."""
        writing = answer(ticket, "Second")
        later(sara, ticket, answer(ticket, "First"))
        later(sara, ticket, writing)
        assert said(ticket) == ["First"]
        due()
        assert said(ticket) == ["First", "Second"]

    def test_of_no_tenant_waits_for_anothers_many(self, sara, customer):
        for _number in range(3):
            later(sara, make_ticket(customer))
        foreign = MemberFactory(agent=True)
        other = make_ticket(MemberFactory(tenant=foreign.tenant))
        later(foreign, other)
        assert send_due(at=timezone.now() + TEN * 2, most=2) == 2
        assert said(other) == ["It comes today."]

    def test_what_was_the_writers_own_to_change_is_no_news_but_a_colleagues_word_is(self, sara, lead, ticket):
        before = answer(ticket)
        in_scope(reply_to_ticket, lead, ticket, content="I was quicker")
        with pytest.raises(TicketChanged):
            later(sara, ticket, before)


class TestTakingBack:
    def test_puts_it_back_and_its_form_can_be_sent_again(self, sara, ticket, browser):
        form = new_id()
        fields = {"content": "It comes today.", "last_sequence": 1, "assignee": "", "status": "open", "wait": "1",
                  "form_id": form}  # fmt: skip
        browser.post(path(ticket, "reply"), fields)
        assert drafts(ticket) == [("It comes today.", True, "")]

        page = browser.post(path(ticket, "take-back", "reply"), follow=True).content.decode()

        assert "It comes today." in page
        assert (due(), drafts(ticket)) == (0, [("It comes today.", False, "")])
        with tenant_scope(ticket.tenant_id):
            assert not IdempotencyRecord.objects.filter(key=str(form)).exists()
        browser.post(path(ticket, "reply"), fields)
        due()
        assert said(ticket) == ["It comes today."]

    def test_stands_above_what_was_begun_since(self, sara, ticket):
        later(sara, ticket)
        keep(sara, ticket, "And one more thing")
        in_scope(take_back, sara, ticket, kind="reply")
        assert drafts(ticket) == [("It comes today.\n\nAnd one more thing", False, "")]

    def test_of_what_is_out_says_so(self, sara, ticket, browser):
        later(sara, ticket)
        due()
        with pytest.raises(SentAlready):
            in_scope(take_back, sara, ticket, kind="reply")
        page = browser.post(path(ticket, "take-back", "reply"), follow=True).content.decode()
        assert f"#{ticket.number}: It is sent already." in page

    def test_is_its_writers_alone(self, sara, lead, ticket):
        later(sara, ticket)
        with pytest.raises(SentAlready):
            in_scope(take_back, lead, ticket, kind="reply")
        assert drafts(ticket) == [("It comes today.", True, "")]

    def test_an_unknown_kind_is_no_error(self, ticket, browser):
        assert browser.post(path(ticket, "take-back", "x")).status_code == 302

    def test_and_the_worker_meet_at_the_row(self, sara, customer):
        """Of many at once each is either sent, once, or taken back."""
        tickets = [make_ticket(customer) for _number in range(6)]
        for ticket in tickets:
            later(sara, ticket)
        who = actor(sara)

        def back(ticket):
            with tenant_scope(ticket.tenant_id):
                try:
                    take_back(actor=who, ticket_id=ticket.id, kind="reply")
                except SentAlready:
                    return False
                return True

        found = at_once([due, due, *(lambda ticket=ticket: back(ticket) for ticket in tickets)])
        for ticket, is_back in zip(tickets, found[2:], strict=True):
            assert len(said(ticket)) == (0 if is_back else 1)
        assert len(drafts(tickets[0])) == sum(found[2:])

    def test_waits_for_a_sending_that_is_under_way(self, sara, ticket, owner):
        later(sara, ticket)
        who, holder = actor(sara), owner()

        def back():
            with tenant_scope(ticket.tenant_id), pytest.raises(SentAlready):
                take_back(actor=who, ticket_id=ticket.id, kind="reply")

        holder.execute("BEGIN")
        holder.execute("SELECT FROM support_draft FOR UPDATE")
        with held_up(back, holder):
            holder.execute("DELETE FROM support_draft")
            holder.execute("COMMIT")

    def test_a_worker_that_is_killed_has_sent_it_or_not(self, sara, ticket, monkeypatch):
        """Cut off after it was said and before its draft went: neither stays; the next one sends it once."""
        later(sara, ticket)
        killed = Event()

        def die(*_all, **_named):
            killed.set()
            raise SystemExit

        monkeypatch.setattr(Draft, "delete", die)
        with pytest.raises(SystemExit):
            due()
        assert killed.is_set()
        assert said(ticket) == []
        monkeypatch.undo()
        due()
        assert said(ticket) == ["It comes today."]


class TestAtThePage:
    @pytest.fixture
    def fields(self):
        return {"content": "It comes today.", "last_sequence": 1, "assignee": "", "status": "open"}

    def test_who_asks_for_no_wait_sends_at_once(self, ticket, browser, fields):
        browser.post(path(ticket, "reply"), fields)
        assert said(ticket) == ["It comes today."]

    def test_nor_does_who_chose_none(self, ticket, browser, fields, sara):
        browser.post("/admin/support/ticket/own-settings/", {"send_wait": "0", "after_sending": "stay"})
        browser.post(path(ticket, "reply"), {**fields, "wait": "1"})
        assert said(ticket) == ["It comes today."]

    def test_the_writer_sees_what_waits_and_nobody_else(self, ticket, browser, fields, lead):
        browser.post(path(ticket, "reply"), {**fields, "wait": "1", "close": "1"})
        page = browser.get(path(ticket, "change")).content.decode()
        assert "Sent and closed in" in page
        assert path(ticket, "take-back", "reply") in page
        assert "It comes today." not in workbench(lead.user).get(path(ticket, "change")).content.decode()
        (told,) = browser.get("/admin/support/ticket/notifications/news/").json()["drafts"]
        assert 8 < told["left"] <= 10
        assert f"#{ticket.number} is closed; your words are out." in told["sent"]
        assert workbench(lead.user).get("/admin/support/ticket/notifications/news/").json()["drafts"] == []

    def test_what_closed_at_once_can_be_undone(self, ticket, browser, fields):
        page = browser.post(path(ticket, "reply"), {**fields, "close": "1"}, follow=True).content.decode()
        assert path(ticket, "action", "reopen") in page
        browser.post(path(ticket, "action", "reopen"))
        with tenant_scope(ticket.tenant_id):
            assert Ticket.objects.get(id=ticket.id).is_open

    def test_where_answers_lead_is_remembered(self, ticket, browser, fields):
        browser.post(path(ticket, "reply"), {**fields, "then": "list"})
        page = browser.get(path(ticket, "change")).content.decode()
        assert '<option value="list" selected>' in page


class TestOwnSettings:
    def test_are_kept_with_the_login(self, sara, browser):
        browser.post("/admin/support/ticket/own-settings/", {"send_wait": "30", "after_sending": "next"})
        page = workbench(sara.user).get("/admin/support/ticket/own-settings/").content.decode()
        assert 'value="30"' in page
        assert '<option value="next" selected>' in page

    @pytest.mark.parametrize("seconds", ["31", "-1", "", "x", "9" * 30])
    def test_of_no_more_than_half_a_minute(self, sara, browser, seconds):
        fields = {"send_wait": seconds, "after_sending": "next"}
        assert browser.post("/admin/support/ticket/own-settings/", fields).status_code == 400
        assert type(sara.user).objects.get(id=sara.user_id).send_wait == 10


def test_the_worker_is_asked_by_its_name():
    assert workers.drafts() == 0
