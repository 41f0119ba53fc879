"""What is promised, at every door: the API, the queue, notifications, the export, the dashboard."""

import csv
import io
from datetime import timedelta

import pytest

from ondi.notifications.models import Notification
from ondi.outbox.subscribers import _SUBSCRIBERS, take_turn
from ondi.tenants.scope import tenant_scope
from support import services
from support.settings.services import update_portal_settings
from tests.factories import MemberFactory, actor
from tests.service_levels.world import HOUR, MINUTE, MONDAY, OFFICE, Shop
from tests.workbench import workbench

pytestmark = pytest.mark.django_db(transaction=True)
QUEUE, OWN = "/messaging/support/tickets", "/customer/support/tickets"


@pytest.fixture
def shop():
    return Shop()


def get(shop, api, person, path, **parameters):
    with shop.frozen():
        answer = api.as_(person).get(path, parameters)
    assert answer.status_code == 200, answer.content
    return answer.json()["data"]


def levels(shop, api, ticket):
    return get(shop, api, shop.sara, f"{QUEUE}/{ticket.id}")["ticket"]["service_levels"]


def expected(shop, api, ticket):
    return get(shop, api, shop.layla, f"{OWN}/{ticket.id}")["ticket"]["expected_reply_by"]


def iso(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def test_staff_see_each_promise_of_a_ticket(shop, api):
    shop.policy(first=60, resolution=480)
    ticket = shop.open()

    assert levels(shop, api, ticket) == [
        {"metric": "first_response", "due_at": iso(MONDAY + HOUR), "state": "running", "target_minutes": 60},
        {"metric": "resolution", "due_at": iso(MONDAY + 8 * HOUR), "state": "running", "target_minutes": 480},
    ]
    shop.say(shop.sara, ticket)
    assert [(one["state"], one["due_at"] is None) for one in levels(shop, api, ticket)] == [
        ("met", False), ("paused", True),
    ]  # fmt: skip


def test_what_is_due_is_missed_also_before_anybody_noted_it(shop, api):
    shop.policy(first=60)
    ticket = shop.open()
    shop.at += 61 * MINUTE

    assert [one["state"] for one in levels(shop, api, ticket)] == ["missed"]


def test_without_a_promise_there_is_none(shop, api):
    ticket = shop.open()

    assert levels(shop, api, ticket) == []
    assert expected(shop, api, ticket) is None


def test_customers_see_by_when_they_are_answered_only_while_that_is_true(shop, api):
    shop.policy(first=60, next=30)
    ticket = shop.open()
    assert expected(shop, api, ticket) == iso(MONDAY + HOUR)

    shop.say(shop.sara, ticket)
    assert expected(shop, api, ticket) is None, "it is their turn"
    shop.at += 10 * MINUTE
    shop.say(shop.layla, ticket)
    assert expected(shop, api, ticket) == iso(MONDAY + 40 * MINUTE)
    shop.at = MONDAY + 40 * MINUTE
    assert expected(shop, api, ticket) is None, "it is past"


def test_customers_are_not_told_where_the_tenant_does_not_want_it(shop, api):
    shop.policy(first=60)
    ticket = shop.open()
    with tenant_scope(shop.tenant.id):
        update_portal_settings(actor=actor(shop.admin), changes={"show_expected_reply": False})

    assert expected(shop, api, ticket) is None


def test_a_resolution_is_no_answer_that_a_customer_waits_for(shop, api):
    shop.policy(resolution=60)

    assert expected(shop, api, shop.open()) is None


def test_the_queue_by_what_is_due_first(shop, api):
    shop.policy(name="Urgent", first=15, match={"priority": ["urgent"]})
    shop.policy(name="High", position=2, first=30, match={"priority": ["high"]})
    later, none, first = (shop.open(priority=one) for one in ("high", "low", "urgent"))

    def asked(**parameters):
        return [one["id"] for one in get(shop, api, shop.sara, QUEUE, **parameters)["tickets"]]

    assert asked(sort="due") == [str(one.id) for one in (first, later, none)]
    assert asked(due_before=iso(MONDAY + 20 * MINUTE)) == [str(first.id)]
    assert asked(due_before=iso(MONDAY + HOUR), sort="due", search="help") == []


@pytest.mark.parametrize("wrong", [{"sort": "age"}, {"due_before": "soon"}, {"due_before": "2026-11-23T09:00:00"}])
def test_what_the_queue_does_not_know_is_refused(shop, api, wrong):
    answer = api.as_(shop.sara).get(QUEUE, wrong)

    assert (answer.status_code, list(answer.json()["data"]["fields"])) == (400, list(wrong))


def test_next_is_what_is_due_first_within_the_highest_priority(shop, api):
    shop.policy(name="Slow", first=600, match={"tag": []})
    waits_longest = shop.open()
    shop.at += MINUTE
    shop.policy(name="Portal", position=0, first=10, match={"source": ["customer_portal"]})
    shop.settle()
    urgent = shop.open(priority="high")
    soon = shop.open()

    with shop.frozen():
        found = [api.as_(shop.sara).post(f"{QUEUE}/next").json()["data"]["ticket"]["id"] for _one in range(3)]
    assert found[0] == str(urgent.id)
    assert set(found[1:]) == {str(waits_longest.id), str(soon.id)}


class TestNotifications:
    def told(self, shop):
        while take_turn(_SUBSCRIBERS["notifications"]):
            pass
        with tenant_scope(shop.tenant.id):
            found = Notification.objects.filter(notification_type__startswith="sla").order_by("position")
            return [(one.membership.first_name, one.notification_type, one.shown_at - MONDAY)
                    for one in found.select_related("membership")]  # fmt: skip

    @pytest.fixture
    def shop(self):
        take_turn(_SUBSCRIBERS["notifications"])
        return Shop()

    def test_who_has_it_is_warned_and_told_once_each(self, shop):
        shop.policy(first=100)
        ticket = shop.open()
        shop.do(services.claim_ticket, ticket)
        shop.wait(81 * MINUTE)
        shop.wait(20 * MINUTE)
        shop.wait(HOUR)

        assert [one[:2] for one in self.told(shop)] == [("Sara", "sla_warning"), ("Sara", "sla_breached")]

    def test_of_what_nobody_has_the_leads_are_told(self, shop):
        shop.policy(first=100, warn=0)
        shop.open()
        MemberFactory(tenant=shop.tenant, lead=True, is_support_user=False, first_name="Boss")
        shop.wait(101 * MINUTE)

        assert [one[:2] for one in self.told(shop)] == [("Lead", "sla_breached")]

    def test_they_are_told_when_they_are_at_work(self, shop):
        """Given a due time at the end of the day, then the miss is shown the next morning."""
        shop.at = MONDAY + 7 * HOUR
        shop.policy(shop.calendar(OFFICE), first=60, warn=0)
        ticket = shop.open()
        shop.do(services.claim_ticket, ticket)
        shop.wait(2 * HOUR)

        assert self.told(shop) == [("Sara", "sla_breached", timedelta(days=1))]


def test_the_workbench_says_in_words_what_is_due(shop):
    shop.policy(first=25, resolution=480)
    ticket = shop.open()
    browser = workbench(shop.sara.user)

    with shop.frozen():
        queue = browser.get("/admin/support/ticket/?tab=open&sort=due").content.decode()
        page = browser.get(f"/admin/support/ticket/{ticket.id}/change/").content.decode()
    assert '<span class="wb-due wb-due-near">answer due in 25\xa0minutes, 09:25</span>' in queue
    assert "solution due in 8\xa0hours, 17:00" in page


def test_the_dashboard_counts_what_was_kept_and_leads_to_it(shop):
    shop.policy(first=60)
    kept, missed = shop.open(), shop.open()
    shop.say(shop.sara, kept)
    shop.wait(2 * HOUR)
    browser = workbench(shop.sara.user)

    with shop.frozen():
        page = browser.get("/admin/?days=7").content.decode()
        listed = browser.get("/admin/support/ticket/?promise=first_response.missed.7").content.decode()
    assert "50 %" in page
    assert "?promise=first_response.missed.7" in page
    assert f"#{missed.number}</b>" in listed
    assert f"#{kept.number}</b>" not in listed


def test_the_export_has_due_times_and_outcomes(shop):
    shop.policy(first=60, resolution=480)
    ticket = shop.open()
    shop.say(shop.sara, ticket)

    with shop.frozen():
        answer = workbench(shop.sara.user).get("/admin/support/ticket/export/?tab=open")
    (row,) = csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig")))
    assert (row["first_response_outcome"], row["first_response_due_at (UTC)"]) == ("met", "2026-11-23 10:00:00")
    assert (row["resolution_outcome"], row["resolution_due_at (UTC)"]) == ("", "")
