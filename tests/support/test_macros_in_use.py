"""Macros wait for a while in which they can be taken back, and can be undone afterwards, but for their words."""

from datetime import timedelta

import pytest
from django.utils import timezone

from ondi.accounts.models import Membership, User
from ondi.common.ids import new_id
from ondi.tenants.scope import tenant_scope
from support.chores import forget_old_drafts
from support.errors import MacroStepRefused
from support.macros import take_back_macros, use_macro
from support.models import Draft, Macro, Tag
from support.services import change_priority, change_tags, claim_ticket, post_message
from support.workers import send_due
from tests.factories import MemberFactory, actor, make_ticket
from tests.races import at_once
from tests.support.test_macros import everything_of, make, page, step, words
from tests.workbench import workbench

pytestmark = pytest.mark.django_db(transaction=True)
TEN = timedelta(seconds=10)


@pytest.fixture
def customer(tenant):
    return MemberFactory(tenant=tenant, first_name="Layla")


@pytest.fixture
def sara(tenant):
    return MemberFactory(tenant=tenant, agent=True, first_name="Sara", last_name="")


@pytest.fixture
def yusuf(tenant):
    return MemberFactory(tenant=tenant, agent=True, first_name="Yusuf", last_name="")


@pytest.fixture
def ticket(customer):
    return make_ticket(customer)


@pytest.fixture
def browser(sara):
    return workbench(sara.user)


@pytest.fixture
def tag(tenant):
    return tagged(tenant, "refund")


@pytest.fixture
def whole(tenant, tag, yusuf):
    """All that a macro can do and somebody can take back."""
    return make(
        tenant, step("claim"), step("priority", priority="urgent"), step("tags", add=[str(tag.id)]),
        step("note", content="Paid back"), step("reply", content="It is paid back."),
        step("assign", assignee_id=str(yusuf.id)), step("snooze", until="1h"), step("close"),
    )  # fmt: skip


def tagged(tenant, name):
    with tenant_scope(tenant.id):
        return Tag.objects.create(tenant=tenant, name=name)


def use(person, ticket, macro, **more):
    with tenant_scope(ticket.tenant_id):
        details = {"use": new_id(), "wait": TEN, **more}
        return use_macro(actor=actor(person), ticket_id=ticket.id, macro_id=macro.id, **details)


def take_back(person, draft):
    with tenant_scope(draft.tenant_id):
        return take_back_macros(actor=actor(person), use=draft.form)


def due():
    return send_due(at=timezone.now() + TEN + timedelta(seconds=1))


def in_scope(service, person, ticket, **details):
    with tenant_scope(ticket.tenant_id):
        return service(actor=actor(person), ticket_id=ticket.id, **details)


def kept(ticket):
    """What is kept of uses there: whether it waits, what refused it, whether it can be undone."""
    with tenant_scope(ticket.tenant_id):
        return [(one.send_at is not None, one.refused, one.undo is not None) for one in Draft.objects.all()]


def restorable(ticket):
    """What Undo brings back: all but words, history, versions and times."""
    now = everything_of(ticket)
    return {name: now[name] for name in ("priority", "tags", "status", "assignee_id", "snoozed_until")}


class TestWaiting:
    def test_nothing_is_done_before_its_time_and_everything_then(self, ticket, sara, yusuf, whole):
        before = everything_of(ticket)
        use(sara, ticket, whole)
        assert everything_of(ticket) == before
        assert send_due(at=timezone.now()) == 0

        due()

        now = everything_of(ticket)
        assert (now["priority"], now["status"], now["assignee_id"]) == ("urgent", "closed", yusuf.id)
        assert kept(ticket) == [(False, "", True)]

    def test_what_would_be_refused_is_refused_at_once(self, tenant, ticket, sara, customer, yusuf):
        make(tenant, step("claim"), name="Mine")
        in_scope(claim_ticket, yusuf, ticket)
        with tenant_scope(tenant.id), pytest.raises(MacroStepRefused):
            use(sara, ticket, Macro.objects.get())
        assert kept(ticket) == []

    def test_does_what_was_shown_whatever_becomes_of_the_macro(self, tenant, ticket, sara):
        macro = make(tenant, step("priority", priority="high"))
        use(sara, ticket, macro)
        with tenant_scope(tenant.id):
            Macro.objects.update(steps=[step("priority", priority="low")])
            Macro.objects.all().delete()
        due()
        assert everything_of(ticket)["priority"] == "high"

    def test_taken_back_it_is_not_done(self, ticket, sara, whole):
        before = everything_of(ticket)
        taken = take_back(sara, use(sara, ticket, whole))
        assert (taken.waited, taken.undone, taken.left) == (1, 0, [])
        due()
        assert everything_of(ticket) == before
        assert kept(ticket) == []

    def test_what_the_customer_says_meanwhile_stops_it_with_the_reason(self, ticket, sara, customer, whole, browser):
        draft = use(sara, ticket, whole)
        with tenant_scope(ticket.tenant_id):
            post_message(actor=actor(customer), conversation_id=ticket.conversation_id, content="Wait!")

        due()

        assert everything_of(ticket)["status"] == "open"
        assert kept(ticket) == [(False, "ticket_changed", False)]
        (told,) = browser.get("/admin/support/ticket/notifications/news/").json()["drafts"]
        assert "“Refund” was not done. This ticket has changed meanwhile." in words(told["html"])
        take_back(sara, draft)
        assert kept(ticket) == [], "it was read"

    def test_what_its_person_does_meanwhile_does_not(self, tenant, ticket, sara, tag):
        use(sara, ticket, make(tenant, step("priority", priority="high")))
        in_scope(change_tags, sara, ticket, add=[tag.id])
        in_scope(claim_ticket, sara, ticket)
        due()
        assert everything_of(ticket)["priority"] == "high"

    def test_another_one_lets_the_first_go_at_once(self, tenant, ticket, sara, tag):
        use(sara, ticket, make(tenant, step("priority", priority="high"), name="One"))
        use(sara, ticket, make(tenant, step("tags", add=[str(tag.id)]), name="Two"))
        assert everything_of(ticket)["priority"] == "high"
        assert everything_of(ticket)["tags"] == []
        due()
        assert everything_of(ticket)["tags"] == ["refund"]

    def test_of_somebody_whose_role_ended_it_is_not_done(self, tenant, ticket, sara, whole):
        use(sara, ticket, whole)
        with tenant_scope(tenant.id):
            Membership.objects.filter(id=sara.id).update(is_support_user=False)
        due()
        assert everything_of(ticket)["status"] == "open"
        assert kept(ticket) == [(False, "not_a_support_user", False)]

    def test_ten_clicks_at_once_use_it_once(self, tenant, ticket, sara, browser):
        macro, key = make(tenant, step("note", content="Once")), new_id()
        uses = at_once([lambda: use(sara, ticket, macro, use=key)] * 10)
        assert len({one.id for one in uses}) == 1
        due()
        due()
        assert everything_of(ticket)["notes"] == ["Once"]

    def test_is_forgotten_after_a_week(self, tenant, ticket, sara):
        use(sara, ticket, make(tenant, step("priority", priority="high")), wait=timedelta(0))
        with tenant_scope(tenant.id):
            Draft.objects.update(updated_at=timezone.now() - timedelta(days=8))
        forget_old_drafts()
        assert kept(ticket) == []


class TestUndo:
    @pytest.mark.parametrize("wait", [timedelta(0), TEN])
    def test_brings_back_all_but_the_words(self, ticket, sara, whole, wait):
        before = restorable(ticket)
        draft = use(sara, ticket, whole, wait=wait)
        due()
        assert restorable(ticket) != before

        taken = take_back(sara, draft)

        assert (taken.waited, taken.undone, taken.left, taken.wrote) == (0, 1, [], True)
        assert restorable(ticket) == before
        now = everything_of(ticket)
        assert "Paid back" in now["notes"]
        assert "It is paid back." in [text for text, _event in now["said"]]
        assert kept(ticket) == [], "once"

    def test_leaves_what_was_so_before(self, tenant, ticket, sara, tag):
        other = tagged(tenant, "late")
        in_scope(change_tags, sara, ticket, add=[tag.id])
        in_scope(claim_ticket, sara, ticket)
        before = restorable(ticket)
        macro = make(
            tenant, step("tags", add=[str(tag.id), str(other.id)], remove=[]), step("claim"),
            step("reply", content="Hello"), step("release"),
        )  # fmt: skip
        draft = use(sara, ticket, macro, wait=timedelta(0))
        assert restorable(ticket) != before
        take_back(sara, draft)
        assert restorable(ticket) == before

    def test_of_a_lead_hands_back_to_the_colleague(self, tenant, ticket, sara, yusuf):
        lead = MemberFactory(tenant=tenant, lead=True)
        in_scope(claim_ticket, yusuf, ticket)
        macro = make(tenant, step("assign", assignee_id=str(sara.id), reason="Yours"))
        draft = use(lead, ticket, macro, wait=timedelta(0))
        assert everything_of(ticket)["assignee_id"] == sara.id
        take_back(lead, draft)
        assert everything_of(ticket)["assignee_id"] == yusuf.id

    def test_is_refused_where_a_colleague_changed_the_ticket_since(self, tenant, ticket, sara, yusuf):
        draft = use(sara, ticket, make(tenant, step("priority", priority="high")), wait=timedelta(0))
        in_scope(change_priority, yusuf, ticket, priority="low")

        taken = take_back(sara, draft)

        assert [(number, refusal.code) for number, refusal in taken.left] == [(ticket.number, "ticket_changed")]
        assert everything_of(ticket)["priority"] == "low"

    def test_is_nobody_elses(self, ticket, sara, yusuf, whole):
        draft = use(sara, ticket, whole, wait=timedelta(0))
        taken = take_back(yusuf, draft)
        assert (taken.waited, taken.undone, taken.left) == (0, 0, [])
        assert everything_of(ticket)["status"] == "closed"


class TestPages:
    def test_on_a_ticket_it_waits_is_told_and_taken_back(self, ticket, browser, whole):
        User.objects.update(send_wait=10)
        browser.post(page(ticket, whole), {"version": ticket.version, "form_id": new_id(), "wait": "1"})
        shown = browser.get(f"/admin/support/ticket/{ticket.id}/change/").content.decode()
        assert "“Refund” in" in words(shown)
        (told,) = browser.get("/admin/support/ticket/notifications/news/").json()["drafts"]
        assert "“Refund” is done. Undo" in words(told["sent"])

        answer = browser.post(back_of(ticket), follow=True)

        assert [str(one) for one in answer.context["messages"]] == ["Taken back: nothing was done."]
        assert browser.get(back_of(ticket)).status_code == 302
        again = browser.post(back_of(ticket, new_id()), follow=True)
        assert [str(one) for one in again.context["messages"]] == ["There is nothing to take back any more."]

    def test_without_a_script_it_is_done_at_once_and_undone(self, ticket, browser, whole):
        User.objects.update(send_wait=10)
        done = browser.post(page(ticket, whole), {"version": ticket.version, "form_id": new_id()}, follow=True)
        assert [words(str(one)) for one in done.context["messages"]] == ["“Refund” is done. Undo"]
        undone = browser.post(back_of(ticket), follow=True)
        assert [str(one) for one in undone.context["messages"]] == ["Undone on 1 ticket. What it wrote is out."]

    def test_a_use_is_no_draft_in_the_queue(self, tenant, ticket, sara, browser):
        use(sara, ticket, make(tenant, step("priority", priority="high")), wait=timedelta(0))
        assert "wb-begun" not in browser.get("/admin/support/ticket/?tab=open").content.decode()

    def test_several_wait_are_told_and_taken_back_together(self, tenant, customer, browser):
        User.objects.update(send_wait=10)
        macro, tickets = make(tenant, step("priority", priority="low")), [make_ticket(customer) for _ in range(3)]
        queue = "/admin/support/ticket/?tab=open"
        chosen = {"action": "macro_selected", "_selected_action": [str(one.id) for one in tickets], "apply": "1"}
        browser.post(queue, {**chosen, "macro": macro.id, "wait": "1", "form_id": new_id()})
        (told,) = browser.get("/admin/support/ticket/notifications/news/").json()["drafts"]
        assert "“Refund” on 3 tickets in" in words(told["html"])

        answer = browser.post(back_of(tickets[0]), follow=True)

        assert answer.redirect_chain[-1][0].startswith("/admin/support/ticket/")
        assert due() == 0
        assert {everything_of(one)["priority"] for one in tickets} == {"medium"}


def back_of(ticket, use=None):
    with tenant_scope(ticket.tenant_id):
        use = use or Draft.objects.values_list("form", flat=True).first()
    return f"/admin/support/ticket/{ticket.id}/macros/{use}/back/"
