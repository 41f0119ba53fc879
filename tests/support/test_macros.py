"""Macros: several actions under one name, shown before they are done, and all or nothing."""

import re

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from conversations.models import Message
from ondi.accounts.models import Membership
from ondi.common.ids import new_id
from ondi.tenants.scope import tenant_scope
from support.errors import (
    MacroNotFound,
    MacroStepRefused,
    PlaceholdersLeftOpen,
    TagNotFound,
    TicketChanged,
    TicketClosed,
    TicketNotFound,
)
from support.macros import use_macro
from support.models import Macro, Tag, Ticket, TicketEvent, TicketNote
from support.services import close_ticket
from tests.factories import MemberFactory, OrderFactory, TenantFactory, actor, make_ticket
from tests.workbench import workbench

pytestmark = pytest.mark.django_db
ADD, LIST = "/admin/support/macro/add/", "/admin/support/macro/"


@pytest.fixture
def tenant():
    return TenantFactory(time_zone="Asia/Baghdad")


@pytest.fixture
def sara(tenant):
    return MemberFactory(tenant=tenant, agent=True, first_name="Sara", last_name="")


@pytest.fixture
def yusuf(tenant):
    return MemberFactory(tenant=tenant, agent=True, first_name="Yusuf", last_name="")


@pytest.fixture
def customer(tenant):
    return MemberFactory(tenant=tenant, first_name="Layla")


@pytest.fixture
def ticket(customer):
    return make_ticket(customer)


@pytest.fixture
def tag(tenant):
    with tenant_scope(tenant.id):
        return Tag.objects.create(tenant=tenant, name="refund")


@pytest.fixture
def browser(sara):
    return workbench(sara.user)


def step(action, **values):
    return {"action": action, "values": values}


def make(tenant, *steps, name="Refund", **more):
    with tenant_scope(tenant.id):
        return Macro.objects.create(tenant=tenant, name=name, steps=list(steps), **more)


def apply(person, ticket, macro, **more):
    with tenant_scope(person.tenant_id):
        use_macro(actor=actor(person), ticket_id=ticket.id, macro_id=macro.id, use=new_id(), **more)
        return Ticket.objects.get(id=ticket.id)


def everything_of(ticket):
    """All that a macro can change."""
    with tenant_scope(ticket.tenant_id):
        found = Ticket.objects.values().get(id=ticket.id)
        return {
            **found,
            "tags": sorted(Ticket.objects.get(id=ticket.id).tags.values_list("name", flat=True)),
            "said": list(Message.objects.filter(conversation=ticket.conversation_id).values_list("content", "event")),
            "notes": list(TicketNote.objects.filter(ticket=ticket).values_list("content", flat=True)),
            "history": list(TicketEvent.objects.filter(ticket=ticket).order_by("id").values_list("kind", flat=True)),
        }


def page(ticket, macro=None, query=""):
    name, more = ("macro", [macro.id]) if macro else ("macros", [])
    return reverse(f"admin:support_ticket_{name}", args=[ticket.id, *more]) + query


def form(tenant, **said):
    return {"tenant": tenant.id, "name": "Refund", "folder": "", "key": "", **said}


def kept(tenant):
    with tenant_scope(tenant.id):
        return Macro.objects.get()


def words(html):
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


class TestApplying:
    def test_does_all_its_steps_as_the_actions_do(self, tenant, ticket, sara, yusuf, tag):
        macro = make(
            tenant, step("claim"), step("priority", priority="urgent"), step("tags", add=[str(tag.id)]),
            step("note", content="Paid back to {customer_first_name}"),
            step("reply", content="Dear {customer_first_name}, about {order_number|your order}."),
            step("assign", assignee_id=str(yusuf.id)), step("close"),
        )  # fmt: skip

        apply(sara, ticket, macro)

        now = everything_of(ticket)
        assert (now["priority"], now["tags"], now["status"], now["assignee_id"]) == (
            "urgent", ["refund"], "closed", yusuf.id,
        )  # fmt: skip
        assert now["notes"] == ["Paid back to Layla"]
        assert ("Dear Layla, about your order.", None) in [(text, event or None) for text, event in now["said"]]
        assert now["history"] == ["opened", "claimed", "priority_changed", "tag_added", "assigned", "closed"]

    def test_a_morning_is_the_tenants(self, tenant, ticket, sara):
        macro = make(tenant, step("snooze", until="1d"))

        until = apply(sara, ticket, macro).snoozed_until

        assert (until - timezone.now()).total_seconds() < 2 * 24 * 3600
        assert (until.hour, until.minute) == (6, 0), "nine o'clock in Baghdad"
        assert apply(sara, ticket, make(tenant, step("snooze", until=None), name="Wake")).snoozed_until is None

    def test_the_first_refusal_undoes_everything_and_names_its_step(self, tenant, ticket, sara, yusuf, tag):
        macro = make(
            tenant, step("priority", priority="low"), step("note", content="x"), step("reply", content="Hi"),
            step("close"), step("tags", add=[str(tag.id)]),
        )  # fmt: skip
        before = everything_of(ticket)

        with pytest.raises(MacroStepRefused) as refused:
            apply(sara, ticket, macro)

        assert (refused.value.action, type(refused.value.refusal)) == ("tags", TicketClosed)
        assert everything_of(ticket) == before

    def test_tag_that_is_gone_and_person_who_left_are_refused(self, tenant, ticket, sara, yusuf, tag):
        macro = make(tenant, step("priority", priority="low"), step("tags", add=[str(tag.id)]))
        with tenant_scope(tenant.id):
            tag.delete()
        with pytest.raises(MacroStepRefused) as refused:
            apply(sara, ticket, macro)
        assert isinstance(refused.value.refusal, TagNotFound)
        handed = make(tenant, step("assign", assignee_id=str(yusuf.id)), name="To Yusuf")
        with tenant_scope(tenant.id):
            Membership.objects.filter(id=yusuf.id).update(is_support_user=False)
        with pytest.raises(MacroStepRefused) as refused:
            apply(sara, ticket, handed)
        assert "This person is no support user here." in str(refused.value)
        assert everything_of(ticket)["priority"] == "medium"

    def test_what_nothing_fills_in_is_sent_to_nobody(self, tenant, ticket, sara):
        macro = make(tenant, step("note", content="{order_number}"), step("reply", content="About {order_number}"))

        with pytest.raises(MacroStepRefused) as refused:
            apply(sara, ticket, macro)

        assert isinstance(refused.value.refusal, PlaceholdersLeftOpen)
        assert refused.value.refusal.names == ["order_number"]
        apply(sara, ticket, make(tenant, step("note", content="{order_number}"), name="Note"))
        assert everything_of(ticket)["notes"] == ["{order_number}"], "a note may speak of placeholders"

    def test_what_it_knows_no_more_is_refused(self, tenant, ticket, sara):
        with pytest.raises(MacroStepRefused):
            apply(sara, ticket, make(tenant, step("redact", message_id="x")))

    def test_an_older_picture_is_refused(self, tenant, ticket, sara):
        macro = make(tenant, step("priority", priority="low"))

        with pytest.raises(TicketChanged):
            apply(sara, ticket, macro, version=ticket.version + 1)

    def test_private_macros_are_their_owners(self, tenant, ticket, sara, yusuf, customer):
        macro = make(tenant, step("priority", priority="low"), owner=yusuf)

        with pytest.raises(MacroNotFound):
            apply(sara, ticket, macro)
        apply(yusuf, ticket, macro)
        with pytest.raises(TicketNotFound):
            apply(MemberFactory(tenant=tenant, viewer=True), ticket, make(tenant, step("close")))


class TestOnATicket:
    def test_shows_what_it_will_do_and_does_it_once(self, tenant, ticket, browser, yusuf, tag):
        macro = make(
            tenant, step("priority", priority="urgent"), step("tags", add=[str(tag.id)]),
            step("reply", content="Dear {customer_first_name} <b>"), step("assign", assignee_id=str(yusuf.id)),
        )  # fmt: skip

        preview = browser.get(page(ticket, macro)).content.decode()

        for said in ("Priority : Urgent", "Tags : + refund", "Reply Dear Layla &lt;b&gt;", "Assign : Yusuf"):
            assert said in words(preview), said
        assert everything_of(ticket)["priority"] == "medium"
        sent = {
            "version": re.search(r'name="version" value="(\d+)"', preview)[1],
            "form_id": re.search(r'name="form_id" value="([^"]+)"', preview)[1],
        }
        first, second = (browser.post(page(ticket, macro), sent) for _click in range(2))
        assert (first.status_code, second.status_code) == (302, 302)
        assert [text for text, _event in everything_of(ticket)["said"]].count("Dear Layla <b>") == 1

    def test_refused_it_says_which_step_and_changes_nothing(self, tenant, ticket, browser, sara):
        macro = make(tenant, step("priority", priority="low"), step("close"))
        with tenant_scope(tenant.id):
            version = close_ticket(actor=actor(sara), ticket_id=ticket.id).version

        refused = browser.post(page(ticket, macro), {"version": version})

        assert refused.status_code == 409
        assert "Nothing of the macro was done. Priority: This ticket is closed." in refused.content.decode()
        late = browser.post(page(ticket, macro), {"version": "1"})
        assert "This ticket has changed meanwhile." in late.content.decode()

    def test_the_preview_names_what_is_missing(self, tenant, ticket, browser, tag, yusuf):
        macro = make(
            tenant, step("tags", add=[str(tag.id)]), step("reply", content="{order_number}"),
            step("assign", assignee_id=str(yusuf.id)),
        )  # fmt: skip
        with tenant_scope(tenant.id):
            tag.delete()
            Membership.objects.filter(id=yusuf.id).update(is_support_user=False)

        said = words(browser.get(page(ticket, macro)).content.decode())

        assert "+ deleted tag Tag not found." in said
        assert "This ticket has nothing to fill in for {order_number}." in said
        assert "no support user any more This person is no support user here." in said

    def test_the_list_has_everybodys_and_ones_own_and_a_digit_opens_one(self, tenant, ticket, browser, sara, yusuf):
        make(tenant, step("close"), name="Everybodys", key=1)
        make(tenant, step("close"), name="Mine", key=1, owner=sara, folder="Ends")
        make(tenant, step("close"), name="Theirs", key=2, owner=yusuf)

        listed = browser.get(page(ticket)).content.decode()

        assert "Everybodys" in listed
        assert "<h3><bdi>Ends</bdi></h3>" in listed
        assert "Theirs" not in listed
        assert "It will do this" in words(browser.get(page(ticket, query="?key=1")).content.decode())
        assert ">Mine</h2>" in browser.get(page(ticket, query="?key=1")).content.decode(), "one's own comes first"
        assert "No macro has this key." in browser.get(page(ticket, query="?key=2")).content.decode()
        for odd in ("x", "99", "0", "-1"):
            assert browser.get(page(ticket, query=f"?key={odd}")).status_code == 200


class TestOnSeveral:
    def test_each_by_itself(self, tenant, customer, browser, yusuf, tag):
        macro = make(tenant, step("priority", priority="low"), step("tags", add=[str(tag.id)]), step("claim"))
        tickets = [make_ticket(customer), make_ticket(customer), make_ticket(customer, agent=yusuf)]
        chosen = {"action": "macro_selected", "_selected_action": [str(one.id) for one in tickets]}
        queue = "/admin/support/ticket/?tab=open"

        asked = browser.post(queue, chosen).content.decode()
        assert "Refund — Priority: Low · Tags: + refund · Claim" in asked
        nothing = browser.post(queue, {**chosen, "apply": "1", "macro": "x"})
        assert nothing.status_code == 200
        answer = browser.post(queue, {**chosen, "apply": "1", "macro": macro.id}, follow=True)

        told = [words(str(one)) for one in answer.context["messages"]]
        assert told == [
            "Apply a macro: 2 tickets. Undo",
            f"#{tickets[2].number}: Nothing of the macro was done. Claim: A colleague has this ticket already. (Yusuf)",
        ]
        assert [everything_of(one)["priority"] for one in tickets] == ["low", "low", "medium"]


class TestSaving:
    def test_a_row_for_each_action_kept_in_the_order_they_are_done(self, tenant, browser, sara, yusuf, tag):
        sent = form(
            tenant, folder="Money", key="3", is_private="on", close="on", priority_priority="high",
            tags_add=[tag.id], reply_content="Done, {customer_first_name|friend}.", snooze_until="now",
            assign_assignee_id=yusuf.id,
        )  # fmt: skip

        assert browser.post(ADD, sent).status_code == 302

        macro = kept(tenant)
        assert macro.owner_id == sara.id
        assert macro.steps == [
            step("priority", priority="high"), step("tags", add=[str(tag.id)]),
            step("reply", content="Done, {customer_first_name|friend}."), step("assign", assignee_id=str(yusuf.id)),
            step("snooze", until=None), step("close"),
        ]  # fmt: skip
        change = f"{LIST}{macro.id}/change/"
        shown = browser.get(change).content.decode()
        assert "Done, {customer_first_name|friend}." in shown
        assert f'value="{tag.id}" ' in shown.replace("checked", "checked ")
        again = {**sent, "form_id": "", "name": "Other"}
        assert browser.post(change, again).status_code == 302
        assert kept(tenant).steps == macro.steps

    @pytest.mark.parametrize(
        ("said", "why"),
        [
            ({}, "Choose at least one thing that it does."),
            ({"reply_content": "Hi {first_name}"}, "Unknown placeholders: {first_name}"),
            ({"reply_content": "x" * 8001}, "This text is too long."),
            ({"note_content": "\u200b"}, "This field may not be blank."),
            ({"priority_priority": "huge"}, "Select a valid choice."),
            ({"snooze_until": "9y"}, "Select a valid choice."),
            ({"assign_reason": "Holiday"}, "This field is required."),
            ({"tags_add": "01a222bd-5288-7069-be3b-fd783b0cb20f"}, "Select a valid choice."),
            ({"close": "on", "key": "10"}, "less than or equal to 9"),
            ({"close": "on", "name": ""}, "This field is required."),
        ],
    )  # fmt: skip
    def test_what_cannot_be_done_is_refused_with_a_sentence(self, tenant, browser, said, why):
        refused = browser.post(ADD, form(tenant, **said))

        assert refused.status_code == 200
        assert why in refused.content.decode()
        with tenant_scope(tenant.id):
            assert not Macro.objects.exists()

    def test_what_is_gone_stands_there_and_is_refused_until_it_is_taken_out(self, tenant, browser, yusuf, tag):
        macro = make(tenant, step("tags", add=[str(tag.id)]), step("assign", assignee_id=str(yusuf.id)), step("close"))
        gone = {"tags_add": tag.id, "assign_assignee_id": yusuf.id}
        with tenant_scope(tenant.id):
            tag.delete()
            Membership.objects.filter(id=yusuf.id).update(is_support_user=False)
        change = f"{LIST}{macro.id}/change/"

        shown = browser.get(change).content.decode()
        assert "deleted tag" in shown
        assert "no support user any more" in shown
        said = {"tags_add": "Tag not found.", "assign_assignee_id": "This person is no support user here."}
        for name, why in said.items():
            refused = browser.post(change, form(tenant, close="on", **{name: gone[name]}))
            assert why in refused.content.decode()
        assert browser.post(change, form(tenant, close="on")).status_code == 302
        assert kept(tenant).steps == [step("close")]

    def test_names_and_keys_are_there_once_for_all_and_once_for_each(self, tenant, browser, sara):
        make(tenant, step("close"), key=1)
        same_name, same_key = "There is a macro of this name already.", "Another macro has this key already."
        for said, why in (({}, same_name), ({"name": "Other", "key": "1"}, same_key)):
            assert why in browser.post(ADD, form(tenant, close="on", **said)).content.decode()
        assert browser.post(ADD, form(tenant, close="on", key="1", is_private="on")).status_code == 302
        for name, key in (("Refund", None), ("Third", 1)):
            with pytest.raises(IntegrityError), transaction.atomic():
                make(tenant, step("close"), name=name, key=key)
        with pytest.raises(IntegrityError), transaction.atomic():
            make(tenant, step("close"), name="Ten", key=10)

    def test_another_tenants_people_and_tags_are_none_of_its_choices(self, tenant, browser):
        theirs = MemberFactory(agent=True, first_name="Foreign")
        with tenant_scope(theirs.tenant_id):
            tag = Tag.objects.create(tenant=theirs.tenant, name="foreign tag")

        assert "foreign" not in browser.get(ADD).content.decode().lower()
        for said in ({"tags_add": tag.id}, {"assign_assignee_id": theirs.id}):
            assert "Select a valid choice." in browser.post(ADD, form(tenant, **said)).content.decode()

    def test_who_only_looks_sees_what_it_does(self, tenant):
        macro = make(tenant, step("priority", priority="low"), step("close"))
        viewer = workbench(MemberFactory(tenant=tenant, viewer=True).user)

        shown = viewer.get(f"{LIST}{macro.id}/change/")

        assert shown.status_code == 200
        assert "Priority · Close ticket" in shown.content.decode()
        assert viewer.post(f"{LIST}{macro.id}/change/", form(tenant, close="on")).status_code == 403


def test_an_order_of_a_delivery_fills_in(tenant, customer, sara):
    ticket = make_ticket(customer, order=OrderFactory(tenant=tenant, customer=customer, number="A-9"))

    apply(sara, ticket, make(tenant, step("reply", content="About {order_number}")))

    assert ("About A-9", "") in [(text, event or "") for text, event in everything_of(ticket)["said"]]
