"""Who was told what of a ticket, by which way and when, or why not; and doctor names what nobody was told."""

import re
from datetime import timedelta

import pytest

from ondi.notifications.dispatches import push_due
from ondi.notifications.gathering import gather_mails
from ondi.notifications.mails import send_due
from ondi.notifications.models import Dispatch, Notification
from ondi.notifications.preferences import change_preferences
from ondi.outbox.models import Event
from ondi.tenants.scope import tenant_scope
from support import notices, services, told
from support.fixes.doctor import examine
from tests.factories import actor, make_ticket
from tests.notifications.test_audiences import read
from tests.notifications.world import World
from tests.workbench import workbench

pytestmark = pytest.mark.django_db(transaction=True)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def world():
    return World()


def told_of(world, ticket=None):
    with tenant_scope(world.tenant.id):
        found = told.told_of(ticket or world.ticket)
    return [(one.who, [str(way.outcome) for way in one.ways]) for one in found]


def untold(world):
    with tenant_scope(world.tenant.id):
        pass
    return [one for one in examine(world.tenant.slug, world.tenant.id) if one["finding"] == "nobody_was_told"]


def test_what_was_sent_read_and_still_waits(world):
    first = world.say(world.sara)
    world.settle()
    push_due()
    assert told_of(world) == [("Layla Hassan", ["not read yet", "waits", "sent"])]
    gather_mails(at=first.created_at + 3 * MINUTE)
    send_due(at=first.created_at + 3 * MINUTE)
    read(world, world.customer, first.sequence)

    assert told_of(world) == [("Layla Hassan", ["read", "sent", "sent"])]


def test_why_not(world):
    with tenant_scope(world.tenant.id):
        off = {"in_app": "off", "email": "unread", "push": "off"}
        change_preferences(actor=actor(world.customer), changes={"types": {notices.REPLY: off}})
    message = world.say(world.sara)
    world.settle()
    read(world, world.customer, message.sequence)
    gather_mails(at=message.created_at + 3 * MINUTE)

    assert told_of(world) == [("Layla Hassan", ["switched off", "not sent: was read before", "switched off"])]


def test_messages_of_which_nobody_was_told(world):
    message = world.say(world.sara)
    read(world, world.customer, message.sequence)
    ticket = make_ticket(world.customer)
    world.say(world.customer, "Anybody?", ticket)
    world.settle()

    assert told_of(world) == [("Layla Hassan", ["was read before"])]
    assert told_of(world, ticket) == [("", ["nobody: it had no agent"])]
    assert untold(world) == []


def test_doctor_names_an_answer_that_nobody_was_told(world):
    world.say(world.sara)
    world.settle()
    assert untold(world) == []
    world.say(world.sara)
    world.settle()
    with tenant_scope(world.tenant.id):
        lost = Notification.objects.order_by("-position").first()
        Dispatch.objects.filter(notification=lost).delete()
        Notification.objects.filter(id=lost.id).delete()

    assert told_of(world)[0] == ("Layla Hassan", ["not told"])
    (finding,) = untold(world)
    assert (finding["count"], finding["repair"]) == (1, None)
    assert re.search(rf"#{world.ticket.number} message 3", finding["examples"][0])


def test_who_switched_all_off_was_meant_to_hear_nothing(world):
    world.say(world.sara)
    world.settle()
    with tenant_scope(world.tenant.id):
        off = {"in_app": "off", "email": "off", "push": "off"}
        change_preferences(actor=actor(world.customer), changes={"types": {notices.REPLY: off}})
    world.say(world.sara)
    world.settle()

    assert untold(world) == []


def test_what_is_not_relayed_yet_or_was_done_in_silence_is_no_fault(world):
    world.say(world.sara)
    world.settle()
    world.say(world.sara)

    assert untold(world) == []
    assert Event.objects.count() == 0, "without a tenant in scope nobody sees any"


def test_staff_read_it_on_a_page_of_the_ticket(world):
    world.say(world.sara)
    world.do(services.write_note, world.sara, content="@Yusuf Aziz, a look please")
    world.settle()

    page = workbench(world.sara.user).get(f"/admin/support/ticket/{world.ticket.id}/told/").content.decode()

    for words in ("Layla Hassan", "Yusuf Aziz", "Answer to ticket", "You were mentioned in ticket", "not read yet"):
        assert words in page
