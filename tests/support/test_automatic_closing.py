"""Automatic closing of what customers left unanswered: off by default, warned of, recorded, undone as one."""

import contextlib
import io
import json
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils.translation import override

from ondi.datafixes.models import FixRun
from ondi.datafixes.runs import alone
from ondi.notifications.models import Notification
from ondi.outbox.models import Event
from ondi.outbox.relay import relay_all
from ondi.tenants.models import PortalSettings, Tenant
from ondi.tenants.scope import tenant_scope
from support import unanswered
from support.chores import close_unanswered_tickets
from support.errors import NotASupportUser
from support.events import TEXTS
from support.fixes import closing
from support.fixes.doctor import examine
from support.models import Ticket, TicketEvent
from support.services import claim_ticket, post_message, reopen_ticket, snooze_ticket, warn_of_closing
from support.services.messages import note_delivery
from support.settings.closing import counts_since
from support.settings.portal import Portal
from support.settings.services import update_portal_settings
from tests.factories import (
    DeliveryFactory,
    MemberFactory,
    Message,
    TenantFactory,
    actor,
    make_ticket,
    reload,
)
from tests.notifications.world import TELLING, take_turn
from tests.races import at_once
from tests.workbench import form_of, workbench

pytestmark = pytest.mark.django_db(transaction=True)
START = datetime(2026, 3, 1, 9, tzinfo=UTC)
SETTINGS_CALL = "/delivery/customer-portal/settings"


class Shop:
    """Automatic closing after 7 days, warned of 2 before, as of day 0; days are counted from there."""

    def __init__(self, **settings):
        self.tenant = TenantFactory(slug="tigris")
        self.admin = MemberFactory(tenant=self.tenant, admin=True)
        self.sara = MemberFactory(tenant=self.tenant, agent=True)
        self.customer = MemberFactory(tenant=self.tenant)
        with self.day(0):
            self.set(**{"auto_close_days": 7, **settings})

    def day(self, number):
        return time_machine.travel(START + timedelta(days=number), tick=False)

    def set(self, **changes):
        with tenant_scope(self.tenant.id):
            update_portal_settings(actor=actor(self.admin), changes=changes, confirmed=True)

    def answered(self, on=0, **fields):
        """A ticket that its agent answered on this day, and that waits on its customer since."""
        with self.day(on):
            ticket = make_ticket(self.customer, agent=self.sara, **fields)
            self.say(self.sara, ticket)
        return ticket

    def say(self, who, ticket):
        with tenant_scope(self.tenant.id):
            post_message(actor=actor(who), conversation_id=ticket.conversation_id, content="Hello?")

    def work(self, number):
        """The chore's turn on this day."""
        with self.day(number):
            return close_unanswered_tickets()

    def codes(self, ticket):
        """What its conversation says by itself."""
        with tenant_scope(self.tenant.id):
            said = Message.objects.filter(conversation=ticket.conversation_id, message_type="system")
            return [one.event["code"] for one in said.order_by("sequence")]

    def runs(self):
        with tenant_scope(self.tenant.id):
            return list(FixRun.objects.order_by("started_at"))

    def told(self):
        """The types of what its customer was told."""
        relay_all()
        while take_turn(TELLING):
            pass
        with tenant_scope(self.tenant.id):
            mine = Notification.objects.filter(membership=self.customer).order_by("position")
            return list(mine.values_list("notification_type", flat=True))

    def undo(self, run):
        out = io.StringIO()
        with contextlib.suppress(CommandError):  # it names what stays
            call_command("data_fixes", "undo", str(run.id), "--json", stdout=out)
        return json.loads(out.getvalue())


@pytest.fixture
def shop():
    return Shop()


WARNED, CLOSED = ["ticket_closing"], ["ticket_closing", "ticket_closed"]


class TestWhichAndWhen:
    def test_an_unanswered_ticket_is_warned_of_once_and_then_closed(self, shop):
        ticket = shop.answered()
        seen = {}
        for day in (4.9, 5, 5.5, 6.9, 7, 8):
            shop.work(day)
            seen[day] = shop.codes(ticket)

        assert seen == {4.9: [], 5: WARNED, 5.5: WARNED, 6.9: WARNED, 7: CLOSED, 8: CLOSED}
        ticket = reload(ticket)
        assert (ticket.status, ticket.closed_by_id, ticket.closed_at) == ("closed", None, START + timedelta(days=7))
        assert examine("tigris", shop.tenant.id) == []

    def test_it_is_off_by_default(self, shop):
        shop.set(auto_close_days=0)
        ticket = shop.answered(on=-400)

        assert shop.work(400) == 0
        assert shop.codes(ticket) == []

    def test_silence_counts_from_the_day_it_was_switched_on(self, shop):
        ticket = shop.answered(on=-100)

        assert [shop.work(4), shop.codes(ticket)] == [0, []]
        assert [shop.work(5), shop.codes(ticket)] == [0, WARNED]
        assert shop.work(7) == 1

    @pytest.mark.parametrize(("days", "since"), [(5, 3), (7, 0), (30, 0)])
    def test_made_shorter_it_counts_from_then_and_longer_goes_on(self, shop, days, since):
        with shop.day(3):
            shop.set(auto_close_days=days)

        with tenant_scope(shop.tenant.id):
            assert counts_since(shop.tenant.id) == START + timedelta(days=since)

    def test_what_was_warned_of_before_it_was_switched_on_anew_is_warned_of_again(self, shop):
        ticket = shop.answered()
        shop.work(5)
        for day, days in ((6, 0), (50, 7)):
            with shop.day(day):
                shop.set(auto_close_days=days)

        assert shop.work(51) == 0
        shop.work(55)
        assert shop.codes(ticket) == WARNED * 2
        assert shop.work(57) == 1

    @pytest.mark.parametrize("who", ["customer", "sara"])
    def test_who_writes_after_the_warning_begins_anew(self, shop, who):
        ticket = shop.answered()
        shop.work(5)
        with shop.day(6):
            shop.say(getattr(shop, who), ticket)
            shop.say(shop.sara, ticket)

        assert [shop.work(7), shop.work(10), shop.codes(ticket)] == [0, 0, WARNED]
        assert [shop.work(11), shop.codes(ticket)] == [0, WARNED * 2]
        assert shop.work(13) == 1

    def test_news_of_its_delivery_begin_anew(self, shop):
        delivery = DeliveryFactory(tenant=shop.tenant, customer=shop.customer)
        ticket = shop.answered(delivery=delivery)
        with shop.day(3), tenant_scope(shop.tenant.id):
            note_delivery(tenant_id=shop.tenant.id, delivery_id=delivery.id, code="delivery_delivered",
                          at=START + timedelta(days=3))  # fmt: skip

        shop.work(7)
        assert shop.codes(ticket) == ["delivery_delivered"]
        shop.work(8)
        assert [shop.work(10), shop.codes(ticket)] == [1, ["delivery_delivered", *CLOSED]]

    def test_after_an_outage_nobody_is_closed_unwarned(self, shop):
        ticket = shop.answered()

        assert [shop.work(30), shop.codes(ticket)] == [0, WARNED]
        assert [shop.work(31.9), shop.work(32)] == [0, 1]

    def test_made_longer_it_waits_for_the_longer_time(self, shop):
        shop.answered()
        shop.work(5)
        with shop.day(6):
            shop.set(auto_close_days=20)

        assert [shop.work(7), shop.work(19.9), shop.work(20)] == [0, 0, 1]

    def test_without_a_warning_it_is_closed_at_once(self, shop):
        shop.set(auto_close_warning_days=0)
        ticket = shop.answered()

        assert [shop.work(6.9), shop.work(7), shop.codes(ticket)] == [0, 1, ["ticket_closed"]]

    def test_what_is_snoozed_is_never_touched(self, shop):
        ticket = shop.answered()
        with shop.day(1), tenant_scope(shop.tenant.id):
            snooze_ticket(actor=actor(shop.sara), ticket_id=ticket.id, until=START + timedelta(days=20))

        assert [shop.work(5), shop.work(7), shop.work(19.9), shop.codes(ticket)] == [0, 0, 0, []]
        assert [shop.work(20), shop.codes(ticket)] == [0, WARNED], "and its customer is told before, then"

    def test_what_waits_on_an_agent_stays(self, shop):
        with shop.day(0):
            waiting = make_ticket(shop.customer)
            answered = make_ticket(shop.customer, agent=shop.sara)
            shop.say(shop.sara, answered)
            shop.say(shop.customer, answered)

        assert [shop.work(5), shop.work(30)] == [0, 0]
        assert [shop.codes(one) for one in (waiting, answered)] == [[], []]

    def test_a_suspended_tenant_is_left_alone(self, shop):
        ticket = shop.answered()
        with tenant_scope(shop.tenant.id):
            Tenant.objects.filter(id=shop.tenant.id).update(status=Tenant.Status.SUSPENDED)

        assert [shop.work(5), shop.work(30), shop.codes(ticket)] == [0, 0, []]

    def test_settings_that_nobody_recorded_close_nothing(self, shop):
        shop.tenant = TenantFactory(auto_close_days=7)
        shop.customer, shop.sara = MemberFactory(tenant=shop.tenant), MemberFactory(tenant=shop.tenant, agent=True)
        ticket = shop.answered()

        assert [shop.work(5), shop.work(30), shop.codes(ticket)] == [0, 0, []]

    def test_who_works_on_a_ticket_is_not_waited_for(self, shop, owner):
        ticket = shop.answered()
        holder = owner()
        with holder.transaction():
            holder.execute("SELECT FROM support_ticket WHERE id = %s FOR UPDATE", [ticket.id])
            shop.work(5)
            assert shop.codes(ticket) == []

        shop.work(5.1)
        assert shop.codes(ticket) == WARNED

    def test_nobody_warns_by_hand(self, shop):
        ticket = shop.answered()
        with tenant_scope(shop.tenant.id), pytest.raises(NotASupportUser):
            warn_of_closing(actor=actor(shop.customer), ticket_id=ticket.id, among=Ticket.objects.all(), at=START)

        assert shop.codes(ticket) == []

    def test_other_tenants_are_not_touched(self, shop):
        other = MemberFactory(tenant=TenantFactory(), agent=True)
        with shop.day(0):
            ticket = make_ticket(MemberFactory(tenant=other.tenant), agent=other)
            with tenant_scope(other.tenant_id):
                post_message(actor=actor(other), conversation_id=ticket.conversation_id, content="Hello?")

        assert [shop.work(5), shop.work(30), reload(ticket).status] == [0, 0, "open"]


class TestTold:
    def test_the_customer_is_warned_as_of_an_answer_and_told_of_the_closing(self, shop):
        take_turn(TELLING)
        shop.told()
        ticket = shop.answered()
        shop.work(5)
        shop.work(7)

        assert shop.told() == ["support_reply", "support_reply", "support_ticket_closed"]
        assert shop.codes(ticket) == CLOSED

    @pytest.mark.parametrize("language", ["en", "ar", "ku", "fa"])
    def test_the_warning_is_in_the_readers_language(self, api, shop, language):
        ticket = shop.answered()
        shop.work(5)
        path = f"/messaging/conversations/{ticket.conversation_id}/messages"

        answer = api.as_(shop.customer, **{"Accept-Language": language}).get(path)

        newest = answer.json()["data"]["messages"][0]
        assert newest["event"] == {"code": "ticket_closing", "params": {}}
        with override(language):
            assert newest["content"] == str(TEXTS["ticket_closing"])
        assert ("We have not heard" in newest["content"]) is (language == "en")

    def test_programs_are_told_of_the_closing_and_why(self, shop):
        shop.answered()
        shop.work(5)
        shop.work(7)
        relay_all()

        (run,) = shop.runs()
        with tenant_scope(shop.tenant.id):
            event = Event.objects.get(kind="ticket.closed")
        assert (event.is_silent, event.actor_id, event.cause) == (False, None, f"auto_close:{run.id}")


class TestRuns:
    def test_each_is_recorded_and_none_where_nothing_is_closed(self, shop):
        tickets = [shop.answered() for _number in range(3)]
        for day in (4, 5, 6):
            shop.work(day)
        assert shop.runs() == []

        assert shop.work(7) == 3

        shop.work(8)
        (run,) = shop.runs()
        assert (run.command, run.operator, run.status, run.changed) == ("auto_close", "system", "done", 3)
        assert run.arguments == {"days": "7", "warning_days": "2"}
        with tenant_scope(shop.tenant.id):
            kept = TicketEvent.objects.filter(kind="closed").values_list("ticket_id", "cause")
            assert sorted(kept) == sorted((one.id, f"auto_close:{run.id}") for one in tickets)

    def test_one_is_undone_as_one_and_customers_are_told(self, shop):
        take_turn(TELLING)
        tickets = [shop.answered() for _number in range(3)]
        before = [reload(one) for one in tickets]
        shop.work(5)
        shop.work(7)
        shop.told()
        (run,) = shop.runs()

        with shop.day(8):
            report = shop.undo(run)

        assert (report["restored"], report["refused"], report["status"]) == (3, [], "undone")
        for ticket, was in zip(map(reload, tickets), before, strict=True):
            assert (ticket.status, ticket.waiting_on, ticket.waiting_since, ticket.assignee_id) == (
                "open", "customer", was.waiting_since, shop.sara.id,
            )  # fmt: skip
            assert shop.codes(ticket) == [*CLOSED, "ticket_reopened"]
        assert shop.told()[-3:] == ["support_ticket_reopened"] * 3
        with tenant_scope(shop.tenant.id):
            told = Event.objects.filter(kind="ticket.reopened").values_list("is_silent", "cause")
            assert set(told) == {(False, f"undo:{run.id}")}
        assert examine("tigris", shop.tenant.id) == []
        with shop.day(9):
            assert shop.undo(run)["unchanged"] == 3, "undone twice is undone once"

    def test_what_was_put_back_is_not_closed_again_at_once(self, shop):
        ticket = shop.answered()
        shop.work(5)
        shop.work(7)
        with shop.day(8):
            shop.undo(shop.runs()[0])

        assert [shop.work(8.1), shop.work(12.9), shop.codes(ticket)[3:]] == [0, 0, []]
        assert [shop.work(13), shop.work(15)] == [0, 1]
        assert shop.codes(ticket) == [*CLOSED, "ticket_reopened", *CLOSED]

    def test_an_undo_leaves_what_changed_since(self, shop):
        ticket, other = shop.answered(), shop.answered()
        shop.work(5)
        shop.work(7)
        with shop.day(8), tenant_scope(shop.tenant.id):
            reopen_ticket(actor=actor(shop.sara), ticket_id=ticket.id)

        report = shop.undo(shop.runs()[0])

        assert (report["restored"], [item for item, _why in report["refused"]]) == (1, [str(ticket.id)])
        assert [reload(one).status for one in (ticket, other)] == ["open", "open"]

    def test_no_more_than_so_many_are_closed_in_an_hour(self, shop, monkeypatch):
        monkeypatch.setattr(closing, "MOST_AN_HOUR", 3)
        for _number in range(5):
            shop.answered()
        shop.work(5)

        hour = 1 / 24
        assert [shop.work(7), shop.work(7 + hour / 2), shop.work(7 + hour), shop.work(7 + 2 * hour)] == [3, 0, 2, 0]
        assert [run.changed for run in shop.runs()] == [3, 2]

    def test_the_promised_most_is_200(self):
        assert closing.MOST_AN_HOUR == 200

    def test_the_rest_is_warned_the_next_time(self, shop, monkeypatch):
        monkeypatch.setattr(unanswered, "WARNED_AT_ONCE", 2)
        tickets = [shop.answered() for _number in range(3)]
        shop.work(5)
        assert sorted(map(len, map(shop.codes, tickets))) == [0, 1, 1]

        shop.work(5.1)
        assert [shop.codes(one) for one in tickets] == [WARNED] * 3

    def test_another_that_is_under_way_is_not_disturbed(self, shop):
        shop.answered()
        shop.work(5)
        with alone("auto_close", shop.tenant.id):
            assert at_once([lambda: shop.work(7)]) == [0]

        assert shop.runs() == []
        assert shop.work(7) == 1

    @pytest.mark.parametrize("place", range(0, 119, 7))
    def test_killed_anywhere_it_loses_and_doubles_nothing(self, shop, place, monkeypatch):
        """The server ends the connection before one of the statements, as it does when the process dies."""
        monkeypatch.setattr(closing, "BATCH", 2)
        tickets = [shop.answered() for _number in range(4)]
        for day in (5, 7):
            with Killed(place):
                shop.work(day)
            shop.work(day + 0.01)
        shop.work(7.02)

        assert [shop.codes(one) for one in tickets] == [CLOSED] * 4
        with tenant_scope(shop.tenant.id):
            closed = TicketEvent.objects.filter(kind="closed")
            assert sorted(closed.values_list("ticket_id", flat=True)) == sorted(one.id for one in tickets)
        assert [(run.status, run.changed) for run in shop.runs()] == [("done", 4)]
        assert examine("tigris", shop.tenant.id) == []


class Killed:
    """Within, the connection dies before the statement at this place, and whatever was to follow does not."""

    def __init__(self, place):
        self.left = place

    def __enter__(self):
        self.wrapper = connection.execute_wrapper(self.execute)
        self.wrapper.__enter__()

    def execute(self, execute, sql, params, many, context):
        self.left -= 1
        if self.left < 0:
            connection.connection.close()
        return execute(sql, params, many, context)

    def __exit__(self, kind, error, trace):
        self.wrapper.__exit__(None, None, None)
        connection.close()
        return True


class TestSettings:
    @pytest.mark.parametrize(
        ("changes", "field", "code"),
        [
            ({"auto_close_days": 1}, "auto_close_days", "min_value"),
            ({"auto_close_days": 2}, "auto_close_days", "min_value"),
            ({"auto_close_days": 366}, "auto_close_days", "max_value"),
            ({"auto_close_days": -1}, "auto_close_days", "min_value"),
            ({"auto_close_days": "7"}, "auto_close_days", "invalid"),
            ({"auto_close_days": 7.0}, "auto_close_days", "invalid"),
            ({"auto_close_days": True}, "auto_close_days", "invalid"),
            ({"auto_close_warning_days": 31}, "auto_close_warning_days", "max_value"),
            ({"auto_close_days": 5, "auto_close_warning_days": 5}, "auto_close_warning_days", "max_value"),
            ({"auto_close_warning_days": 7}, "auto_close_warning_days", "max_value"),
        ],
    )
    def test_what_does_not_fit_is_refused_on_its_field(self, api, shop, changes, field, code):
        answer = api.as_(shop.admin).call("PUT", SETTINGS_CALL, body={"support_ticket_settings": changes})

        assert (answer.status_code, answer.json()["error"]) == (400, "validation_error")
        assert code in json.dumps(answer.json()["data"]["fields"])
        assert field in json.dumps(answer.json()["data"]["fields"])
        assert self.stored(shop) == {"auto_close_days": 7}

    @pytest.mark.parametrize("changes", [
        {"auto_close_days": 3}, {"auto_close_days": 365}, {"auto_close_days": 0, "auto_close_warning_days": 30},
        {"auto_close_warning_days": 6}, {"auto_close_warning_days": 0},
    ])  # fmt: skip
    def test_what_fits_is_taken(self, api, shop, changes):
        answer = api.as_(shop.admin).call("PUT", SETTINGS_CALL, body={"support_ticket_settings": changes})

        assert answer.status_code == 200
        assert self.stored(shop) == {"auto_close_days": 7, **changes}

    def test_what_does_not_fit_by_hand_holds_up_no_other_change(self, shop):
        with tenant_scope(shop.tenant.id):
            PortalSettings.objects.update(values={"auto_close_days": 1})

        shop.set(support_chat_enabled=False)

        assert self.stored(shop) == {"auto_close_days": 1, "support_chat_enabled": False}

    @pytest.mark.parametrize(("days", "asked"), [(6, True), (3, True), (30, False), (0, False)])
    def test_a_change_that_touches_open_tickets_has_to_be_confirmed(self, api, shop, days, asked):
        shop.answered()
        body = {"support_ticket_settings": {"auto_close_days": days}}
        with shop.day(10):
            portal = api.as_(shop.admin)
            answer = portal.call("PUT", SETTINGS_CALL, body=body)
            assert answer.status_code == (400 if asked else 200)
            if asked:
                assert self.stored(shop) == {"auto_close_days": 7}
                assert list(answer.json()["data"]["fields"]) == ["confirm"]
                assert answer.json()["data"]["fields"]["confirm"][0]["code"] == "required"
                answer = portal.call("PUT", SETTINGS_CALL, body={**body, "confirm": True})

        assert answer.status_code == 200
        assert self.stored(shop) == {"auto_close_days": days}

    def test_where_it_touches_nothing_nobody_is_asked(self, api, shop):
        """Snoozed, answered by their customer, closed, or not silent for so long."""
        shop.set(auto_close_days=0)
        snoozed, answered, _late = shop.answered(), shop.answered(), shop.answered(on=9)
        with shop.day(1), tenant_scope(shop.tenant.id):
            snooze_ticket(actor=actor(shop.sara), ticket_id=snoozed.id, until=START + timedelta(days=20))
        with shop.day(1):
            shop.say(shop.customer, answered)
            make_ticket(shop.customer, agent=shop.sara, closed_by=shop.sara)
        with shop.day(10):
            body = {"support_ticket_settings": {"auto_close_days": 7}}

            assert api.as_(shop.admin).call("PUT", SETTINGS_CALL, body=body).status_code == 200

    def test_the_screen_says_which_and_saves_with_a_tick(self, shop):
        shop.set(auto_close_days=0)
        numbers = [shop.answered().number for _number in range(22)]
        page = f"/admin/tenants/portalsettings/{shop.tenant.id}/change/"
        with shop.day(10):
            browser = workbench(shop.admin.user)
            first = browser.get(page).content.decode()
            form = form_of(Portal(auto_close_days=7))

            refused = browser.post(page, form)

            shown = refused.content.decode()
            assert refused.status_code == 200
            assert f": 22 (#{numbers[0]}, " in shown
            assert f"#{numbers[19]}, …)" in shown
            assert f"#{numbers[20]}" not in shown
            tick = '<input type="hidden" name="has_seen_touched"'
            assert (tick in first, tick in shown, 'name="has_seen_touched"' in shown) == (True, False, True)
            assert self.stored(shop) == {"auto_close_days": 0}
            assert browser.post(page, {**form, "has_seen_touched": "on"}).status_code == 302

        assert self.stored(shop) == {"auto_close_days": 7}

    @pytest.mark.parametrize(("days", "warning_days", "fault"), [(2, 1, "too small"), (7, 7, "too large")])
    def test_the_screen_says_what_does_not_fit(self, shop, days, warning_days, fault):
        form = form_of(Portal(auto_close_days=days, auto_close_warning_days=warning_days))
        browser = workbench(shop.admin.user)

        answer = browser.post(f"/admin/tenants/portalsettings/{shop.tenant.id}/change/", form)

        assert answer.status_code == 200
        assert fault in answer.content.decode()
        assert self.stored(shop) == {"auto_close_days": 7}

    def stored(self, shop):
        with tenant_scope(shop.tenant.id):
            return PortalSettings.objects.get().values


def test_a_claim_after_the_warning_is_no_answer(shop):
    """What changes a ticket and says nothing leaves its silence as it is."""
    ticket = shop.answered()
    with shop.day(4), tenant_scope(shop.tenant.id):
        Ticket.objects.update(assignee=None)
        claim_ticket(actor=actor(shop.sara), ticket_id=ticket.id)

    shop.work(5)
    assert shop.work(7) == 1
