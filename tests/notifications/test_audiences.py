"""Who is told what, and who is not."""

import inspect
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from conversations.models import Participant
from conversations.services import mark_read
from ondi.notifications import services as notifications
from ondi.notifications.models import Notification
from ondi.notifications.preferences import change_preferences
from ondi.notifications.types import TYPES
from ondi.outbox.relay import relay_all
from ondi.outbox.subscribers import take_turn
from ondi.tenants.scope import tenant_scope
from support import notices, services, subscribers
from tests.factories import MemberFactory, actor, make_ticket
from tests.notifications.world import TELLING, World
from tests.races import at_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world():
    return World()


def read_times(world, who):
    with tenant_scope(world.tenant.id):
        return list(
            Notification.objects.filter(membership=who, read_at__isnull=False).values_list("read_at", flat=True)
        )


def test_each_type_is_told_to_somebody():
    """A type that stands in no rule is one that nobody is ever told."""
    rules = Path(inspect.getfile(subscribers)).read_text()
    names = {value: name for name, value in vars(notices).items() if isinstance(value, str) and value in TYPES}

    told_here = [kind for kind in TYPES if kind not in notices.OF_WEBHOOKS]  # those: tests/webhooks/test_sending.py
    assert [kind for kind in told_here if f"notices.{names[kind]}" not in rules] == []


class TestCustomers:
    def test_an_answer_is_told_to_the_customer_alone(self, world):
        world.say(world.sara, "It comes today.")

        assert world.told() == [("Layla", notices.REPLY)]

    def test_opened_for_them_by_phone_is_told_and_by_themselves_is_not(self, world):
        with tenant_scope(world.tenant.id):
            services.open_ticket_on_behalf(
                actor=actor(world.sara), customer_id=world.customer.id, subject="x", message="x", priority="medium"
            )

        assert world.told() == [("Layla", notices.OPENED)]
        assert world.unread(world.customer) == [notices.OPENED], "they said it, and have not read that it was opened"
        make_ticket(world.customer)
        assert world.told() == [("Layla", notices.OPENED)]

    def test_closing_and_reopening_are_told_once_each(self, world):
        world.do(services.close_ticket, world.sara)
        world.do(services.reopen_ticket, world.sara)

        assert world.told() == [("Layla", notices.CLOSED), ("Layla", notices.REOPENED)]

    def test_who_closes_their_own_ticket_is_not_told(self, world):
        world.tenant.portal_settings.values = {"allow_customer_close": True}
        with tenant_scope(world.tenant.id):
            world.tenant.portal_settings.save()
        world.do(services.close_ticket, world.customer)

        assert world.told() == []

    def test_notes_tags_priority_and_snooze_are_no_matter_of_theirs(self, world):
        world.do(services.write_note, world.sara, content="x")
        world.do(services.change_priority, world.sara, priority="urgent")
        world.do(services.snooze_ticket, world.sara, until=timezone.now() + timedelta(days=1))

        assert world.told(world.customer) == []


class TestStaff:
    def test_a_customers_message_is_told_to_the_assignee_and_who_takes_part(self, world):
        world.do(services.reply_to_ticket, world.yusuf, content="I help.")  # joins
        world.settle()
        world.say(world.customer, "Still nothing.")

        told = [one for one in world.told() if one[1] == notices.CUSTOMER_REPLIED]
        assert told == [("Sara", notices.CUSTOMER_REPLIED), ("Yusuf", notices.CUSTOMER_REPLIED)]

    def test_a_ticket_its_customer_reopens_is_told_once_with_words_or_without(self, world):
        world.tenant.portal_settings.values = {"customer_reopen_days": 7}
        with tenant_scope(world.tenant.id):
            world.tenant.portal_settings.save()
        told = [("Layla", notices.CLOSED)]
        for reopen in (
            lambda: world.do(services.reopen_ticket, world.customer),
            lambda: world.do(services.reopen_ticket, world.customer, message="Still nothing."),
            lambda: world.say(world.customer, "Still nothing."),
        ):
            world.do(services.close_ticket, world.yusuf)
            world.settle()
            reopen()
            told.append(("Sara", notices.CUSTOMER_REPLIED))
            assert world.told() == told
            told.append(("Layla", notices.CLOSED))

    def test_a_ticket_that_nobody_has_is_reopened_without_a_word_to_staff(self, world):
        world.tenant.portal_settings.values = {"customer_reopen_days": 7}
        with tenant_scope(world.tenant.id):
            world.tenant.portal_settings.save()
        ticket = make_ticket(world.customer, closed_by=world.yusuf)
        world.do(services.reopen_ticket, world.customer, ticket=ticket)

        assert world.told() == [("Layla", notices.CLOSED)]

    def test_a_colleagues_reopening_is_told_to_no_colleague(self, world):
        world.do(services.close_ticket, world.sara)
        world.do(services.reopen_ticket, world.yusuf)

        assert world.told() == [("Layla", notices.CLOSED), ("Layla", notices.REOPENED)]

    def test_on_an_unassigned_ticket_to_nobody(self, world):
        ticket = make_ticket(world.customer)
        world.say(world.customer, "Anybody?", ticket)

        assert world.told() == []

    def test_a_colleagues_answer_is_told_to_no_colleague(self, world):
        world.do(services.reply_to_ticket, world.yusuf, content="I help.")

        assert world.told() == [("Layla", notices.REPLY)]

    def test_assigned_is_told_to_whom_it_is_given_and_claimed_to_nobody(self, world):
        world.do(services.assign_ticket, world.sara, assignee_id=world.yusuf.id)
        world.do(services.claim_ticket, world.lead, ticket=make_ticket(world.customer))

        assert world.told() == [("Yusuf", notices.ASSIGNED)]

    def test_taken_over_is_told_to_who_had_it(self, world):
        world.do(services.take_over_ticket, world.yusuf, reason="Sara is ill")

        assert world.told() == [("Sara", notices.TAKEN_OVER)]

    def test_new_tickets_only_to_who_turned_it_on_and_to_fifty_at_most(self, world, monkeypatch):
        curious = [MemberFactory(tenant=world.tenant, agent=True) for _one in range(3)]
        wanted = {"types": {notices.NEW: {"in_app": "now"}}}
        with tenant_scope(world.tenant.id):
            for one in (*curious, world.yusuf):
                change_preferences(actor=actor(one), changes=wanted)
        make_ticket(world.customer)
        assert world.told() == [
            (one.first_name, notices.NEW) for one in sorted((*curious, world.yusuf), key=lambda m: m.first_name)
        ]
        monkeypatch.setattr("support.subscribers.MOST_PEOPLE", 2)
        make_ticket(world.customer)

        assert len(world.told()) == 4 + 2

    def test_who_lost_the_role_meanwhile_is_told_nothing(self, world):
        world.do(services.assign_ticket, world.sara, assignee_id=world.yusuf.id)
        with tenant_scope(world.tenant.id):
            world.yusuf.is_support_user = False
            world.yusuf.save()

        assert world.told() == []


class TestMentions:
    def test_the_named_are_told_whatever_the_capitals(self, world):
        world.do(services.write_note, world.sara, content="@yusuf aziz, can you ask the courier? And @Dana Omar!")

        assert world.told() == [("Dana", notices.MENTION), ("Yusuf", notices.MENTION)]

    @pytest.mark.parametrize(
        "content",
        ["Yusuf Aziz", "@Yusuf", "@Yusuf Azizi", "@Layla Hassan", "@Sara Kareem is me", "a@b.org @ Yusuf Aziz"],
    )
    def test_nobody_else_is(self, world, content):
        world.do(services.write_note, world.sara, content=content)

        assert world.told() == []

    def test_colleagues_of_one_name_are_all_meant_and_the_longest_name_counts(self, world):
        twin = MemberFactory(tenant=world.tenant, agent=True, first_name="Yusuf", last_name="Aziz")
        MemberFactory(tenant=world.tenant, agent=True, first_name="Yusuf", last_name="")
        world.do(services.write_note, world.sara, content="@Yusuf Aziz")

        assert world.told() == [("Yusuf", notices.MENTION)] * 2
        assert world.told(twin) == [notices.MENTION]

    def test_nothing_goes_to_more_people_than_the_most(self, world, monkeypatch):
        monkeypatch.setattr("support.subscribers.MOST_PEOPLE", 2)
        MemberFactory(tenant=world.tenant, agent=True, first_name="Yusuf", last_name="Aziz")
        world.do(services.write_note, world.sara, content="@Yusuf Aziz @Dana Omar")

        assert len(world.told()) == 2

    def test_who_left_is_named_by_nobody(self, world):
        with tenant_scope(world.tenant.id):
            world.yusuf.is_support_user = False
            world.yusuf.save()
        world.do(services.write_note, world.sara, content="@Yusuf Aziz")

        assert world.told() == []

    def test_a_reason_for_taking_over_mentions_as_well(self, world):
        world.do(services.take_over_ticket, world.yusuf, reason="as @Dana Omar asked")

        assert set(world.told()) == {("Dana", notices.MENTION), ("Sara", notices.TAKEN_OVER)}


class TestKnown:
    def test_saying_something_marks_what_stood_before_it_there_and_nowhere_else(self, world):
        other = make_ticket(world.customer, agent=world.yusuf)
        world.say(world.sara)
        world.say(world.yusuf, ticket=other)
        world.settle()
        world.say(world.customer, "Thank you.")
        world.settle()
        first = read_times(world, world.customer)
        world.say(world.customer, "Really.")
        world.settle()

        assert world.unread(world.customer) == [notices.REPLY], "that of the other ticket"
        assert read_times(world, world.customer) == first, "read once"

    def test_of_a_message_that_was_purged_before_it_was_told_nobody_hears(self, world, owner):
        message = world.say(world.sara)
        owner().execute("UPDATE conversations_conversation SET last_message_id = NULL")
        owner().execute("DELETE FROM conversations_message WHERE id = %s", [message.id])

        assert world.told() == []

    def test_who_has_read_it_before_is_not_told(self, world):
        message = world.say(world.sara)
        read(world, world.customer, message.sequence)

        assert world.told() == []

    def test_who_has_read_less_is(self, world):
        first = world.say(world.sara)
        world.say(world.sara)
        read(world, world.customer, first.sequence)

        assert world.told() == [("Layla", notices.REPLY)]

    def test_reading_marks_what_tells_of_it_and_no_more(self, world):
        first = world.say(world.sara)
        world.say(world.sara)
        other = make_ticket(world.customer, agent=world.sara)
        world.say(world.sara, ticket=other)
        assert world.told(world.customer) == [notices.REPLY] * 3
        read(world, world.customer, first.sequence)

        assert len(world.unread(world.customer)) == 2
        read(world, world.customer, first.sequence + 1)
        assert len(world.unread(world.customer)) == 1

    def test_who_reads_just_while_it_is_told_has_read_it(self, world):
        """Who comes second waits for the other: the reader then marks it, or the teller tells nothing."""
        for _round in range(15):
            message = world.say(world.sara)
            relay_all()
            at_once(
                [lambda: take_turn(TELLING), lambda sequence=message.sequence: read(world, world.customer, sequence)]
            )
            world.settle()

            assert world.unread(world.customer) == []

    def test_who_answers_has_read_what_stood_before(self, world):
        world.say(world.customer)
        world.settle()
        assert world.unread(world.sara) == [notices.CUSTOMER_REPLIED]
        world.say(world.sara)
        world.settle()

        assert world.unread(world.sara) == []

    def test_who_answers_has_seen_that_it_was_given_to_them_and_not_what_came_after(self, world):
        world.do(services.assign_ticket, world.sara, assignee_id=world.yusuf.id)
        world.settle()
        assert world.unread(world.yusuf) == [notices.ASSIGNED]
        world.say(world.yusuf)
        world.do(services.write_note, world.sara, content="@Yusuf Aziz")
        world.settle()

        assert world.unread(world.yusuf) == [notices.MENTION]

    def test_who_has_the_ticket_on_the_screen_is_given_time_to_read_it_there(self, world):
        with tenant_scope(world.tenant.id):
            services.note_presence(ticket=world.ticket, membership_id=world.sara.id)
        world.say(world.customer)
        assert world.told(world.sara) == [notices.CUSTOMER_REPLIED]
        assert world.unread(world.sara) == []

        with tenant_scope(world.tenant.id):
            (one,) = Notification.objects.all()
        assert timedelta(seconds=10) < one.shown_at - one.created_at <= timedelta(minutes=1), (
            "and told if they left it open"
        )


class TestOnce:
    def test_given_the_same_events_twice_it_tells_once(self, world):
        world.say(world.sara)
        world.settle()
        from ondi.outbox.models import Event

        with tenant_scope(world.tenant.id):
            events = list(Event.objects.order_by("seq"))
            TELLING.take(events)

        assert world.told().count(("Layla", notices.REPLY)) == 1

    def test_data_fixes_and_imports_tell_nobody(self, world):
        from ondi.accounts.actors import Actor

        with tenant_scope(world.tenant.id):
            system = Actor.system(world.tenant.id, "fix:x")
            services.close_ticket(actor=system, ticket_id=world.ticket.id, announce=False)

        assert world.told() == []

    def test_what_is_switched_off_is_not_written(self, world):
        off = {"in_app": "off", "email": "off", "push": "off"}
        with tenant_scope(world.tenant.id):
            change_preferences(actor=actor(world.customer), changes={"types": {notices.REPLY: off}})
        world.say(world.sara)

        assert world.told() == []

    def test_what_is_off_in_the_app_alone_is_in_no_list(self, world):
        with tenant_scope(world.tenant.id):
            change_preferences(actor=actor(world.customer), changes={"types": {notices.REPLY: {"in_app": "off"}}})
        world.say(world.sara)

        assert world.told() == [("Layla", notices.REPLY)], "the mail needs it"
        assert world.unread(world.customer) == []

    def test_old_ones_are_forgotten(self, world):
        from ondi.notifications.chores import forget_notifications

        world.say(world.sara)
        world.say(world.sara)
        world.settle()
        with tenant_scope(world.tenant.id):
            oldest = Notification.objects.order_by("position").first()
            Notification.objects.filter(pk=oldest.pk).update(created_at=timezone.now() - notifications.KEPT)

        assert forget_notifications() == 1
        assert len(world.told()) == 1


def read(world, who, sequence, ticket=None):
    with tenant_scope(world.tenant.id):
        mark_read(
            tenant_id=world.tenant.id, membership_id=who.id,
            conversation_id=(ticket or world.ticket).conversation_id, sequence=sequence,
        )  # fmt: skip
        assert Participant.objects.filter(membership=who).exists()
