"""Push is the platform's: what is due is published for its programs, judged again when it is (API.md, section 11)."""

from datetime import timedelta

import pytest
from django.utils import timezone

from ondi.accounts.api_keys import issue_api_key
from ondi.accounts.models import Membership, Scope
from ondi.notifications.dispatches import push_due
from ondi.notifications.models import Dispatch
from ondi.notifications.preferences import change_preferences
from ondi.tenants.scope import tenant_scope
from support import notices
from tests.client import ApiClient
from tests.factories import actor
from tests.notifications.test_audiences import read
from tests.notifications.world import World
from tests.races import at_once

pytestmark = pytest.mark.django_db(transaction=True)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def world():
    return World()


@pytest.fixture
def pushed(world):
    """The `notification.due` that the tenant's programs read by now, at this moment."""
    with tenant_scope(world.tenant.id):
        _key, text = issue_api_key(tenant_id=world.tenant.id, name="feed", scopes=[Scope.CHANGES_READ])
    platform = ApiClient(**{"X-API-Key": text})

    def at(moment=None):
        world.settle()
        push_due(at=moment)
        world.settle()
        changes = platform.get("/integrations/changes", {"after": 0, "limit": 200}).json()["data"]["changes"]
        return [one["data"] for one in changes if one["event"] == "notification.due"]

    return at


def wish(world, who, **changes):
    with tenant_scope(world.tenant.id):
        change_preferences(actor=actor(who), changes=changes)


def reasons(world):
    with tenant_scope(world.tenant.id):
        return [(one.state, one.reason) for one in Dispatch.objects.filter(channel="push").order_by("id")]


def test_what_a_push_says_without_anybodys_words(world, pushed):
    with tenant_scope(world.tenant.id):
        Membership.objects.filter(id=world.customer.id).update(external_id="c-77", language="ar")
    message = world.say(world.sara, "It comes today.")

    (told,) = pushed()

    assert told.pop("position") > 0
    assert told == {
        "notification_id": told["notification_id"], "notification_type": "support_reply",
        "recipient_id": str(world.customer.user_id), "recipient_external_id": "c-77", "language": "ar",
        "title": f"رد على التذكرة #{world.ticket.number}", "message": told["message"], "unread_count": 1,
        "ticket_id": str(world.ticket.id), "conversation_id": str(world.ticket.conversation_id),
        "action": {"target": "internal", "path": f"/support/tickets/{world.ticket.id}"},
    }  # fmt: skip
    for words in ("lamp", "comes today", "Sara", "Layla"):
        assert words not in str(told)
    assert message.content == "It comes today."


def test_once_whoever_works(world, pushed):
    world.say(world.sara)
    world.settle()
    at_once([push_due] * 4)

    assert len(pushed()) == 1
    assert reasons(world) == [("done", "")]


def test_what_was_read_before_is_not_pushed(world, pushed):
    message = world.say(world.sara)
    world.settle()
    read(world, world.customer, message.sequence)

    assert pushed() == []
    assert reasons(world) == [("dropped", "read")]


def test_unread_waits_for_its_window(world, pushed):
    wish(world, world.customer, types={notices.REPLY: {"push": "unread"}})
    message = world.say(world.sara)

    assert pushed(message.created_at + MINUTE) == []
    assert len(pushed(message.created_at + 2 * MINUTE)) == 1


def test_quiet_hours_hold_it_back_until_they_end(world, pushed):
    now = timezone.now()
    begin, end = (now - MINUTE).strftime("%H:%M"), (now + 60 * MINUTE).strftime("%H:%M")
    wish(world, world.customer, quiet_hours={"from": begin, "to": end, "time_zone": "UTC"})
    world.say(world.sara)

    assert pushed(now + 55 * MINUTE) == []
    assert len(pushed(now + 61 * MINUTE)) == 1


def test_quiet_hours_that_were_set_meanwhile_count(world, pushed):
    world.say(world.sara)
    world.settle()
    now = timezone.now()
    begin, end = (now - MINUTE).strftime("%H:%M"), (now + 60 * MINUTE).strftime("%H:%M")
    wish(world, world.customer, quiet_hours={"from": begin, "to": end, "time_zone": "UTC"})

    assert pushed(now) == []
    assert reasons(world) == [("waiting", "")]
    assert len(pushed(now + 61 * MINUTE)) == 1


def test_quiet_hours_that_were_taken_away_hold_nothing_back(world, pushed):
    now = timezone.now()
    begin, end = (now - MINUTE).strftime("%H:%M"), (now + 60 * MINUTE).strftime("%H:%M")
    wish(world, world.customer, quiet_hours={"from": begin, "to": end, "time_zone": "UTC"})
    world.say(world.sara)
    assert pushed(now) == []

    wish(world, world.customer, quiet_hours=None)

    assert len(pushed(now + MINUTE)) == 1


def test_who_wants_to_be_told_at_once_waits_for_no_window_any_more(world, pushed):
    wish(world, world.customer, types={notices.REPLY: {"push": "unread"}})
    message = world.say(world.sara)
    assert pushed(message.created_at) == []

    wish(world, world.customer, types={notices.REPLY: {"push": "now"}})

    assert len(pushed(message.created_at + 0.1 * MINUTE)) == 1


def test_switched_off_meanwhile_is_dropped(world, pushed):
    world.say(world.sara)
    world.settle()
    wish(world, world.customer, types={notices.REPLY: {"push": "off"}})

    assert pushed() == []
    assert reasons(world) == [("dropped", "switched_off")]


def test_whoever_left_is_told_nothing(world, pushed):
    world.say(world.sara)
    world.settle()
    with tenant_scope(world.tenant.id):
        Membership.objects.filter(id=world.customer.id).update(ended_at=timezone.now())

    assert pushed() == []
    assert reasons(world) == [("dropped", "left")]


def test_what_is_older_than_its_use_is_dropped(world, pushed):
    message = world.say(world.sara)

    assert pushed(message.created_at + timedelta(hours=25)) == []
    assert reasons(world) == [("dropped", "too_old")]


def test_after_erasure_it_says_nothing(world, pushed):
    world.say(world.sara)
    (told,) = pushed()
    with tenant_scope(world.tenant.id):
        Membership.objects.filter(id=world.customer.id).update(erased_at=timezone.now())

    (later,) = pushed()

    kept = {"position", "notification_id"}
    assert {name: later[name] for name in kept} == {name: told[name] for name in kept}
    assert all(value is None for name, value in later.items() if name not in kept)


def test_people_see_nothing_of_it_in_their_own_feed(world, pushed, api):
    world.say(world.sara)
    assert len(pushed()) == 1

    for who in (world.customer, world.sara):
        changes = api.as_(who).get("/messaging/changes", {"after": 0}).json()["data"]["changes"]
        assert "notification.due" not in {one["event"] for one in changes}


def test_one_tenants_many_keep_no_others_waiting(world, pushed, monkeypatch):
    other = World()
    for _number in range(60):
        world.say(world.sara)
    world.settle()
    other.say(other.sara)
    other.settle()
    monkeypatch.setattr("ondi.notifications.dispatches.AT_ONCE", 55)
    push_due()

    with tenant_scope(other.tenant.id):
        assert [one.state for one in Dispatch.objects.filter(channel="push")] == ["done"]
    with tenant_scope(world.tenant.id):
        assert Dispatch.objects.waiting().filter(channel="push").count() > 0
