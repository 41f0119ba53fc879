"""Mails of notifications: one a person and ticket once its window is over, judged again before each try."""

import io
from base64 import b64encode
from collections import Counter
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import time_machine
from anymail.signals import AnymailTrackingEvent, tracking
from django.core.management import call_command
from django.core.signing import Signer
from django.db import OperationalError, connection
from django.test import Client
from django.urls import include, path
from django.utils import timezone
from django.utils.translation import gettext, override

from conversations.services import redact_message
from ondi import urls as ondi_urls
from ondi.accounts.actors import Actor
from ondi.accounts.models import Membership, User
from ondi.common.ids import new_id
from ondi.common.mail_url import mail_settings
from ondi.notifications import mails
from ondi.notifications.bounces import provider_pages
from ondi.notifications.dispatches import push_due
from ondi.notifications.gathering import gather_mails
from ondi.notifications.mails import LEASE, Mailing, queue_mail, send_due
from ondi.notifications.models import Dispatch, Mail, Notification, NotificationPreferences
from ondi.notifications.preferences import change_preferences
from ondi.notifications.transport import Answer, MailServerTrouble
from ondi.notifications.unsubscribing import token_of
from ondi.outbox.outgoing import Outgoing, adopt, due_by_tenant, gate
from ondi.tenants.models import Tenant
from ondi.tenants.scope import tenant_scope
from support import notices, services
from support.settings.services import update_portal_settings
from tests.factories import MemberFactory, TenantFactory, actor, make_ticket
from tests.notifications.mail_server import mail_server
from tests.notifications.test_audiences import read
from tests.notifications.world import World
from tests.outbox.test_work import start, wait_for
from tests.races import at_once, held_up

pytestmark = pytest.mark.django_db(transaction=True)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def server(settings):
    with mail_server(settings) as running:
        yield running


@pytest.fixture
def world():
    return World()


@pytest.fixture
def mailed(world, server):
    """What the server has taken by then for the customer, or somebody else."""

    def by(moment, who=None):
        world.settle()
        gather_mails(at=moment)
        while send_due(at=moment):
            pass
        return server.to((who or world.customer).email)

    return by


def tell_of_a_ticket_that_is_gone(world, waiting):
    told = Notification.objects.create(
        tenant=world.tenant, membership=world.customer, notification_type=notices.REPLY, position=10_000,
        subject_id=waiting.subject_id, data={"number": 1},
    )  # fmt: skip
    Dispatch.objects.create(
        tenant=world.tenant,
        notification=told,
        channel="email",
        state="in_mail",
        mail=waiting,
        due_at=waiting.created_at,
    )


def dispatches(world):
    with tenant_scope(world.tenant.id):
        found = Dispatch.objects.filter(channel="email").order_by("id")
        return [(one.state, one.reason) for one in found]


def test_an_answer_is_mailed_once_its_window_is_over(world, mailed):
    said = world.say(world.sara, "It comes today.").created_at

    assert mailed(said + 1.9 * MINUTE) == []
    (mail,) = mailed(said + 2 * MINUTE)
    assert mailed(said + 20 * MINUTE) == [mail]
    assert "It comes today" not in mail.as_string()
    assert dispatches(world) == [("done", "")]


def test_later_ones_join_for_ten_minutes_at_most(world, mailed):
    first = world.say(world.sara).created_at
    for number in range(1, 9):
        world.say(world.sara, at=first + 1.5 * number * MINUTE)
    world.settle()

    assert mailed(first + 9.9 * MINUTE) == []
    assert len(mailed(first + 10 * MINUTE)) == 1
    assert len(mailed(first + 60 * MINUTE)) == 1


def test_what_was_read_is_not_mailed(world, mailed):
    message = world.say(world.sara)
    world.settle()
    read(world, world.customer, message.sequence)

    assert mailed(message.created_at + 2 * MINUTE) == []
    assert dispatches(world) == [("dropped", "read")]


def test_what_is_read_while_the_server_is_away_is_not_mailed(world, mailed, server, settings):
    message = world.say(world.sara)
    world.settle()
    port, settings.EMAIL_PORT = settings.EMAIL_PORT, 1
    with pytest.raises(MailServerTrouble):
        mailed(message.created_at + 2 * MINUTE)
    settings.EMAIL_PORT = port
    read(world, world.customer, message.sequence)

    assert mailed(message.created_at + 60 * MINUTE) == []
    assert dispatches(world) == [("dropped", "read")]


def test_what_another_worker_holds_a_part_of_is_one_mail_all_the_same(world, server, owner):
    first = world.say(world.sara).created_at
    world.say(world.sara)
    world.settle()
    with tenant_scope(world.tenant.id):
        one = Dispatch.objects.filter(channel="email").order_by("id").first()
    with psycopg.connect(**owner().info.get_parameters()) as another:
        another.execute("SELECT FROM notifications_dispatch WHERE id = %s FOR NO KEY UPDATE", [one.id])
        with held_up(lambda: gather_mails(at=first + 3 * MINUTE), another):
            another.rollback()
    gather_mails(at=first + 3 * MINUTE)

    with tenant_scope(world.tenant.id):
        (mail,) = Mail.objects.all()
        assert Dispatch.objects.filter(channel="email", mail=mail).count() == 2


class TestWhatTheServerAnswers:
    def test_an_address_it_knows_nothing_of_is_mailed_no_more(self, world, mailed, server):
        server.refuse[world.customer.email] = "550 5.1.1 nobody here"
        said = world.say(world.sara).created_at
        mailed(said + 2 * MINUTE)
        server.refuse.clear()
        later = world.say(world.sara).created_at

        assert mailed(later + 30 * MINUTE) == []
        assert dispatches(world) == [("dropped", "refused"), ("dropped", "suppressed")]

    def test_what_it_cannot_do_now_is_tried_again(self, world, mailed, server):
        server.refuse[world.customer.email] = "451 4.7.1 greylisted"
        due = world.say(world.sara).created_at + 2 * MINUTE
        assert mailed(due) == []
        server.refuse.clear()

        assert mailed(due + 0.9 * MINUTE) == []
        assert len(mailed(due + MINUTE)) == 1

    def test_a_mail_it_rejects_is_dropped_and_the_address_stays(self, world, mailed, server):
        server.at_data = "554 5.7.1 not this one"
        due = world.say(world.sara).created_at + 2 * MINUTE
        assert mailed(due) == []
        server.at_data = ""
        world.say(world.sara)

        assert len(mailed(due + 30 * MINUTE)) == 1
        assert dispatches(world) == [("dropped", "rejected"), ("done", "")]

    @pytest.mark.parametrize("trouble", ["refuses", "hangs"])
    def test_while_it_is_away_nothing_is_lost_and_nothing_sent_twice(self, world, mailed, server, settings, trouble):
        due = world.say(world.sara).created_at + 2 * MINUTE
        port = settings.EMAIL_PORT
        if trouble == "refuses":
            settings.EMAIL_PORT = 1
        else:
            server.delay, settings.EMAIL_TIMEOUT = 0.6, 0.2
        with pytest.raises(MailServerTrouble):
            mailed(due)
        settings.EMAIL_PORT, server.delay, settings.EMAIL_TIMEOUT = port, 0.0, 2

        assert len(mailed(due + MINUTE)) == 1
        assert len(mailed(due + 60 * MINUTE)) == 1

    def test_taken_and_died_in_between_it_comes_again_under_its_name(self, world, mailed, server, monkeypatch):
        due = world.say(world.sara).created_at + 2 * MINUTE
        monkeypatch.setattr("ondi.notifications.mails._record", killed)
        with pytest.raises(KeyboardInterrupt):
            mailed(due)
        monkeypatch.undo()

        assert len(mailed(due + LEASE - MINUTE)) == 1, "it is somebody's still"
        first, second = mailed(due + LEASE)
        assert first["Message-ID"] == second["Message-ID"]
        assert len(mailed(due + 60 * MINUTE)) == 2

    def test_who_was_frozen_meanwhile_changes_nothing(self, world, mailed, monkeypatch):
        due = world.say(world.sara).created_at + 2 * MINUTE
        late = []
        record = mails._record
        monkeypatch.setattr(mails, "_record", lambda *arguments: late.append(arguments))
        mailed(due)
        monkeypatch.undo()
        mailed(due + LEASE)
        with tenant_scope(world.tenant.id):
            before = list(Mail.objects.values())
        ((tenant_id, one, _answer, at),) = late

        record(tenant_id, one, Answer.LATER, at)

        with tenant_scope(world.tenant.id):
            assert list(Mail.objects.values()) == before

    def test_taken_and_gone_before_it_says_so_it_comes_again_under_its_name(self, world, mailed, server):
        other = World()
        other.say(other.sara)
        other.settle()
        due = world.say(world.sara).created_at + 2 * MINUTE
        server.dies_after = 1
        with pytest.raises(MailServerTrouble):
            mailed(due)
        server.dies_after = None
        mailed(due + MINUTE)
        mailed(due + 60 * MINUTE)

        names = Counter((mail["To"], mail["Message-ID"]) for mail in server.mails)
        assert sorted(names.values()) == [1, 2]
        assert {to for to, _name in names} == {world.customer.email, other.customer.email}

    def test_a_slow_server_ends_no_lease(self, world, server, monkeypatch):
        """A turn may take longer than a lease: it begins when a mail is taken, not with the turn."""
        others = [World(), World()]
        for one in (world, *others):
            one.say(one.sara)
            one.settle()
        free, send = [], mails.Transport.send

        with time_machine.travel(timezone.now() + 3 * MINUTE, tick=False) as clock:

            def send_slowly(transport, message):
                clock.shift(0.6 * LEASE)
                way = gate(Outgoing.EMAIL)
                free.append(
                    sum(len(keys) for _tenant, keys in due_by_tenant(way, "ondi_mails_due", timezone.now(), 50))
                )
                return send(transport, message)

            monkeypatch.setattr(mails.Transport, "send", send_slowly)
            gather_mails()
            send_due()

        assert free == [2, 1, 0], "what is being sent is nobody else's"

    def test_what_was_sent_while_the_database_went_away_is_recorded_when_it_is_back_and_not_sent_again(
        self, world, server, monkeypatch
    ):
        due = world.say(world.sara).created_at + 3 * MINUTE
        world.settle()
        gather_mails(at=due)
        mailing, place, pid = Mailing(), connection.settings_dict, connection.connection.info.backend_pid
        with monkeypatch.context() as patched:

            def go_away():
                with psycopg.connect(dbname=place["NAME"], user=place["USER"], host=place["HOST"]) as line:
                    line.execute("SELECT pg_terminate_backend(%s)", [pid])
                patched.setitem(place, "HOST", "/nowhere")

            server.before_yes = go_away
            with pytest.raises(OperationalError):
                mailing.turn(at=due)
            connection.close()

        mailing.turn(at=due)
        while mailing.turn(at=due + LEASE + MINUTE):
            pass

        assert len(server.mails) == 1
        with tenant_scope(world.tenant.id):
            assert Mail.objects.get().state == Mail.State.SENT

    def test_workers_beside_each_other_send_each_once(self, world, server):
        due = world.say(world.sara).created_at + 2 * MINUTE
        for _number in range(5):
            customer = MemberFactory(tenant=world.tenant)
            world.say(world.sara, ticket=make_ticket(customer, agent=world.sara))
        world.settle()

        at_once([lambda: gather_mails(at=due + MINUTE)] * 4)
        at_once([lambda: send_due(at=due + MINUTE)] * 4)
        while send_due(at=due + MINUTE):
            pass

        assert len(server.mails) == len({mail["To"] for mail in server.mails}) == 6


def killed(*_arguments):
    raise KeyboardInterrupt


class TestWhatItSays:
    def test_headers_that_keep_robots_quiet_and_a_ticket_together(self, world, mailed):
        first = world.say(world.sara).created_at
        mailed(first + 2 * MINUTE)
        second = world.say(world.sara).created_at
        one, two = mailed(second + 20 * MINUTE)

        assert one["Auto-Submitted"] == "auto-generated"
        assert one["X-Auto-Response-Suppress"] == "All"
        assert one["Message-ID"] != two["Message-ID"]
        assert one["References"] == two["References"] == one["In-Reply-To"]
        assert one["Subject"] == two["Subject"] == f"Ticket #{world.ticket.number}: {world.tenant.name}"
        assert one["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert one["List-Unsubscribe"].strip().startswith("<https://support.example/notifications/unsubscribe/")

    @pytest.mark.parametrize(("wanted", "proved"), [("link", True), ("full", False)])
    def test_words_stay_here_unless_the_tenant_and_the_address_allow_it(self, world, mailed, wanted, proved):
        configure(world, mail_content=wanted)
        prove(world, proved)
        due = world.say(world.sara, "It comes today.").created_at + 2 * MINUTE
        (mail,) = mailed(due)

        for words in ("It comes today", "lamp", "Sara", "Layla"):
            assert words not in mail.as_string()

    def test_words_go_to_a_proved_address_in_full(self, world, mailed):
        configure(world, mail_content="full", signature={"en": "Your Tigris team"})
        prove(world, True)
        due = world.say(world.sara, "It comes <b>today</b>.").created_at + 2 * MINUTE
        (mail,) = mailed(due)

        text, html = parts(mail)
        assert "Sara K.:\nIt comes <b>today</b>." in text
        assert "It comes &lt;b&gt;today&lt;/b&gt;." in html
        assert "Your Tigris team" in text
        assert "Your Tigris team" in html
        assert "<img" not in html

    def test_words_that_were_taken_back_do_not_go(self, world, mailed):
        configure(world, mail_content="full")
        prove(world, True)
        message = world.say(world.sara, "Not for you.")
        with tenant_scope(world.tenant.id):
            redact_message(conversation_id=message.conversation_id, message_id=message.id)
        (mail,) = mailed(message.created_at + 2 * MINUTE)

        assert "Not for you" not in mail.as_string()
        assert "Sara" not in mail.as_string()

    def test_one_that_cannot_be_written_holds_up_no_other(self, world, mailed, monkeypatch):
        other = MemberFactory(tenant=world.tenant)
        due = world.say(world.sara).created_at + 2 * MINUTE
        world.say(world.sara, ticket=make_ticket(other, agent=world.sara))
        made = mails.message_of

        def broken_for_one(letter, envelope):
            return 1 / 0 if envelope.to == world.customer.email else made(letter, envelope)

        monkeypatch.setattr(mails, "message_of", broken_for_one)
        assert len(mailed(due + MINUTE, other)) == 1
        monkeypatch.undo()

        assert len(mailed(due + 2 * MINUTE)) == 1

    def test_the_button_leads_to_the_portal_of_the_source_or_says_where_to_look(self, world, mailed):
        due = world.say(world.sara).created_at + 2 * MINUTE
        (without,) = mailed(due)
        configure(world, portal_ticket_url={"customer_portal": "https://portal.example/t/{ticket_id}"})
        later = world.say(world.sara).created_at
        _first, led = mailed(later + 20 * MINUTE)

        assert f"You find it in the portal of {world.tenant.name}." in parts(without)[0]
        assert "Open the ticket" not in parts(without)[0]
        assert f"https://portal.example/t/{world.ticket.id}" in parts(led)[0]
        assert f"https://portal.example/t/{world.ticket.id}" in parts(led)[1]

    @pytest.mark.parametrize("language", ["en", "ar", "ku", "fa"])
    def test_first_and_last_line_say_that_answers_are_not_read(self, world, mailed, language):
        with tenant_scope(world.tenant.id):
            Membership.objects.filter(id=world.customer.id).update(language=language)
        due = world.say(world.sara).created_at + 2 * MINUTE
        (mail,) = mailed(due)

        text, html = parts(mail)
        lines = [line for line in text.splitlines() if line.strip()]
        with override(language):
            assert lines[0] == gettext("This mail was sent by a program. Answers to it are not read.")
            assert lines[-1] == gettext("Please do not answer this mail: answers to it are not read.")
        direction = "ltr" if language == "en" else "rtl"
        assert f'<html lang="{language}" dir="{direction}">' in html
        assert html.count(f'dir="{direction}"') >= 6
        assert f"<bdi>#{world.ticket.number}</bdi>" in html

    def test_names_put_nothing_into_headers(self, world, mailed, owner):
        name = "Tigris\r\nBcc: all@evil.example\u2028, <x@evil.example>"
        owner().execute("UPDATE tenants_tenant SET name = %s WHERE id = %s", [name, world.tenant.id])
        due = world.say(world.sara).created_at + 2 * MINUTE
        (mail,) = mailed(due)

        assert mail["Bcc"] is None
        assert [one.addr_spec for one in mail["From"].addresses] == ["support@localhost"]
        assert "all@evil.example" in mail["Subject"], "the name itself, in one line"

    def test_a_persian_name_keeps_its_joiners(self, world, mailed):
        name = "فروشگاه کتاب\u200cها"
        configure(world, sender_name=name)
        due = world.say(world.sara).created_at + 2 * MINUTE
        (mail,) = mailed(due)

        assert mail["From"].addresses[0].display_name == name

    def test_comes_from_the_operators_address_under_the_tenants_name(self, world, mailed):
        configure(world, sender_name="دجلة", reply_to="desk@tigris.example")
        due = world.say(world.sara).created_at + 2 * MINUTE
        (mail,) = mailed(due)

        (sender,) = mail["From"].addresses
        assert (sender.display_name, sender.addr_spec) == ("دجلة", "support@localhost")
        assert mail["Reply-To"] == "desk@tigris.example"

    def test_staff_are_led_to_the_ticket_in_the_admin_and_asked_nothing(self, world, mailed):
        world.do(services.write_note, world.sara, content="@Yusuf Aziz, a secret of the desk")
        world.settle()
        (mail,) = mailed(timezone.now() + MINUTE, world.yusuf)

        text, _html = parts(mail)
        assert f"You were mentioned in ticket #{world.ticket.number}" in text
        assert f"https://support.example/admin/support/ticket/{world.ticket.id}/change/" in text
        assert "secret" not in mail.as_string()
        assert mail["List-Unsubscribe"] is None


class TestWhoIsMailed:
    def test_switched_off_meanwhile_is_not_mailed(self, world, mailed):
        due = world.say(world.sara).created_at + 2 * MINUTE
        world.settle()
        with tenant_scope(world.tenant.id):
            change_preferences(actor=actor(world.customer), changes={"types": {notices.REPLY: {"email": "off"}}})

        assert mailed(due) == []
        assert dispatches(world) == [("dropped", "switched_off")]

    def test_quiet_hours_that_begin_while_the_server_is_away_count(self, world, mailed, settings):
        due = world.say(world.sara).created_at + 2 * MINUTE
        port, settings.EMAIL_PORT = settings.EMAIL_PORT, 1
        with pytest.raises(MailServerTrouble):
            mailed(due)
        settings.EMAIL_PORT = port
        begin, end = (due.strftime("%H:%M"), (due + 60 * MINUTE).strftime("%H:%M"))
        with tenant_scope(world.tenant.id):
            hours = {"from": begin, "to": end, "time_zone": "UTC"}
            change_preferences(actor=actor(world.customer), changes={"quiet_hours": hours})

        assert mailed(due + 2 * MINUTE) == []
        assert len(mailed(due + 61 * MINUTE)) == 1

    def test_without_an_address_and_after_a_day_nothing_goes(self, world, mailed, settings):
        nameless = MemberFactory(tenant=world.tenant, email=None)
        world.say(world.sara, ticket=make_ticket(nameless, agent=world.sara))
        world.settle()
        mailed(timezone.now() + 3 * MINUTE)
        assert ("dropped", "no_address") in dispatches(world)
        due = world.say(world.sara).created_at + 2 * MINUTE
        port, settings.EMAIL_PORT = settings.EMAIL_PORT, 1
        with pytest.raises(MailServerTrouble):
            mailed(due)
        settings.EMAIL_PORT = port

        assert mailed(due + timedelta(hours=24, minutes=1)) == []
        assert ("dropped", "too_old") in dispatches(world)

    @pytest.mark.parametrize(
        ("what", "reason"),
        [("unconfigured", "not_configured"), ("left", "left"), ("old", "too_old"), ("gone", "purged")],
    )
    def test_what_was_queued_and_is_of_no_use_any_more_is_dropped_with_the_reason(
        self, world, server, settings, what, reason
    ):
        now = timezone.now()
        with tenant_scope(world.tenant.id):
            waiting = Mail.objects.create(
                tenant=world.tenant, membership=world.customer,
                purpose="notifications" if what == "gone" else "invitation", subject_id=new_id(), data={"site": "https://support.example"},
                created_at=now - timedelta(hours=25) if what == "old" else now,
            )  # fmt: skip
            if what == "left":
                Membership.objects.filter(id=world.customer.id).update(ended_at=now)
            if what == "gone":
                tell_of_a_ticket_that_is_gone(world, waiting)
        settings.MAIL_IS_SENT = what != "unconfigured"

        send_due(at=now + MINUTE)

        with tenant_scope(world.tenant.id):
            assert [(one.state, one.reason) for one in Mail.objects.all()] == [("dropped", reason)]
        assert server.to(world.customer.email) == []

    def test_a_tenant_without_its_row_of_settings_mails_with_the_defaults(self, world, mailed, owner):
        owner().execute("DELETE FROM tenants_portalsettings WHERE tenant_id = %s", [world.tenant.id])
        due = world.say(world.sara).created_at + 2 * MINUTE

        assert len(mailed(due)) == 1

    def test_a_suspended_tenant_mails_nobody_until_it_is_active_again(self, world, mailed):
        due = world.say(world.sara).created_at + 2 * MINUTE
        world.settle()
        set_status(world, "suspended")
        assert mailed(due) == []
        assert push_due(at=due) == 0
        set_status(world, "active")

        assert push_due(at=due) == 1
        assert len(mailed(due + MINUTE)) == 1

    def test_data_fixes_and_imports_mail_nobody(self, world, mailed):
        message = world.say(world.sara)
        with tenant_scope(world.tenant.id):
            services.close_ticket(
                actor=Actor.system(world.tenant.id, "close_stale_tickets"), ticket_id=world.ticket.id, announce=False
            )
        read(world, world.customer, message.sequence)

        assert mailed(timezone.now() + 30 * MINUTE) == []


def test_one_tenants_many_keep_no_others_waiting(world, server):
    other = World()
    for _number in range(6):
        world.say(world.sara, ticket=make_ticket(MemberFactory(tenant=world.tenant), agent=world.sara))
    world.settle()
    due = other.say(other.sara).created_at + 2 * MINUTE
    gather_mails(at=due)
    other.settle()
    gather_mails(at=due + MINUTE)

    send_due(at=due + MINUTE)

    assert len(server.to(other.customer.email)) == 1
    assert len(server.mails) == 6, "five of the one, and the other's"


class TestTheGate:
    def test_a_worker_on_a_copy_sends_nothing_and_says_so(self, world, server, settings, tmp_path):
        world.say(world.sara)
        with tenant_scope(world.tenant.id):
            queue_mail(tenant_id=world.tenant.id, membership_id=world.customer.id, purpose="password_reset",
                       data={"site": "https://support.example"})  # fmt: skip
        url = f"smtp://127.0.0.1:{settings.EMAIL_PORT}"
        told = (tmp_path / "stderr").open("w+")
        copy = start(stderr=told, ONDI_INSTALLATION="a copy", EMAIL_URL=url)
        try:
            wait_for(lambda: dispatches(world) != [])  # it works on what stays in the house
            assert copy.poll() is None
            wait_for(lambda: "nothing is mailed" in Path(told.name).read_text())
            assert server.mails == []

            original = start(ONDI_INSTALLATION="the tests", EMAIL_URL=url)
            try:
                wait_for(lambda: server.mails != [])
            finally:
                original.terminate()
                original.wait(20)
        finally:
            copy.terminate()
            copy.wait(20)
            told.close()

    def test_a_copy_writes_to_nobody_until_it_is_adopted(self, world, mailed, settings):
        due = world.say(world.sara).created_at + 2 * MINUTE
        settings.INSTALLATION = "a copy"
        try:
            assert mailed(due) == []
            assert dispatches(world) == [("waiting", "")]
            said = io.StringIO()
            call_command("outgoing", "status", stdout=said)
            assert "Nothing goes out from here." in said.getvalue()

            call_command("outgoing", "adopt", stdout=io.StringIO())

            assert len(mailed(due)) == 1
        finally:
            adopt("the tests")

    @pytest.mark.parametrize("how", [[], ["--channel=email"], ["--tenant"], ["--tenant", "--channel=email"]])
    def test_a_stop_holds_at_once_and_loses_nothing(self, world, mailed, how):
        options = [f"--tenant={world.tenant.slug}" if one == "--tenant" else one for one in how]
        due = world.say(world.sara).created_at + 2 * MINUTE
        call_command("outgoing", "stop", *options, stdout=io.StringIO())
        assert mailed(due) == []

        call_command("outgoing", "start", *options, stdout=io.StringIO())

        assert len(mailed(due + 30 * MINUTE)) == 1

    def test_a_stop_of_push_or_of_another_tenant_stops_no_mail(self, world, mailed):
        other = TenantFactory()
        call_command("outgoing", "stop", "--channel=push", stdout=io.StringIO())
        call_command("outgoing", "stop", f"--tenant={other.slug}", stdout=io.StringIO())
        due = world.say(world.sara).created_at + 2 * MINUTE

        assert len(mailed(due)) == 1
        call_command("outgoing", "start", stdout=io.StringIO())

    def test_a_stop_between_two_mails_holds_the_second(self, world, server, monkeypatch):
        due = world.say(world.sara).created_at + 2 * MINUTE
        world.say(world.sara, ticket=make_ticket(MemberFactory(tenant=world.tenant), agent=world.sara))
        world.settle()
        gather_mails(at=due + MINUTE)
        send = mails.Transport.send

        def send_and_stop(transport, message):
            answer = send(transport, message)
            call_command("outgoing", "stop", stdout=io.StringIO())
            return answer

        monkeypatch.setattr(mails.Transport, "send", send_and_stop)
        send_due(at=due + MINUTE)
        assert len(server.mails) == 1
        monkeypatch.undo()
        call_command("outgoing", "start", stdout=io.StringIO())

        send_due(at=due + MINUTE)
        assert len(server.mails) == 2


class TestUnsubscribing:
    def test_one_click_ends_mails_and_looking_at_the_page_does_not(self, world, mailed):
        due = world.say(world.sara).created_at + 2 * MINUTE
        (mail,) = mailed(due)
        path = urlsplit(mail["List-Unsubscribe"].strip(" <>")).path
        page = Client().get(path)
        assert page.status_code == 200
        assert "form-action 'self'" in page.headers["Content-Security-Policy"]
        assert not wishes(world)

        for _time in range(2):
            answer = Client().post(path, "List-Unsubscribe=One-Click", "application/x-www-form-urlencoded")
            assert (answer.status_code, answer.json()["success"]) == (200, True)

        assert {said["email"] for said in wishes(world).values()} == {"off"}
        later = world.say(world.sara).created_at
        assert len(mailed(later + 30 * MINUTE)) == 1

    def test_the_button_of_the_page_does_it_too(self, world):
        path = f"/notifications/unsubscribe/{token_of(world.customer)}"

        page = Client().post(path, headers={"accept": "text/html,*/*"})

        assert "You get no more mails about your tickets" in page.content.decode()
        assert wishes(world)

    @pytest.mark.parametrize("fault", ["forged", "unknown", "foreign", "erased", "other purpose"])
    def test_what_is_no_ones_is_one_404(self, world, owner, fault):
        token = token_of(world.customer)
        if fault == "forged":
            token = token[:-3] + "abc"
        elif fault == "unknown":
            token = Signer(salt="ondi.notifications.unsubscribe", sep="~").sign(f"{world.tenant.id}~{new_id()}")
        elif fault == "foreign":
            other = TenantFactory()
            token = Signer(salt="ondi.notifications.unsubscribe", sep="~").sign(f"{other.id}~{world.customer.id}")
        elif fault == "erased":
            owner().execute("UPDATE accounts_membership SET erased_at = now() WHERE id = %s", [world.customer.id])
        else:
            token = Signer(salt="another", sep="~").sign(f"{world.tenant.id}~{world.customer.id}")

        path = f"/notifications/unsubscribe/{token}"
        page = Client().get(path)
        assert (page.status_code, "This link is not valid." in page.content.decode()) == (404, True)
        answer = Client().post(path)
        assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
        assert not wishes(world)


def wishes(world):
    with tenant_scope(world.tenant.id):
        found = NotificationPreferences.objects.filter(membership=world.customer).first()
    return found.types if found else {}


def set_status(world, status):
    with tenant_scope(world.tenant.id):
        assert Tenant.objects.filter(id=world.tenant.id).update(status=status) == 1


def configure(world, **changes):
    admin = MemberFactory(tenant=world.tenant, admin=True)
    with tenant_scope(world.tenant.id):
        update_portal_settings(actor=actor(admin), changes=changes)


def prove(world, is_proved):
    with tenant_scope(world.tenant.id):
        User.objects.filter(id=world.customer.user_id).update(
            email=world.customer.email, email_proved_at=timezone.now() if is_proved else None
        )


def parts(mail):
    """Text and HTML."""
    return [mail.get_body((kind,)).get_content().replace("\r\n", "\n") for kind in ("plain", "html")]


class TestWhatProvidersReport:
    @pytest.mark.parametrize(
        ("kind", "why", "ends"),
        [
            ("bounced", "bounced", True), ("complained", "spam", True), ("rejected", "invalid", True),
            ("deferred", "timed_out", False), ("bounced", "timed_out", False), ("opened", None, False),
        ],
    )  # fmt: skip
    def test_an_address_that_is_gone_or_complained_gets_no_more(self, world, mailed, kind, why, ends):
        event = AnymailTrackingEvent(
            event_type=kind, recipient=world.customer.email.upper(), reject_reason=why,
            metadata={"tenant": str(world.tenant.id)},
        )  # fmt: skip
        tracking.send(sender=object, event=event, esp_name="a provider")
        due = world.say(world.sara).created_at + 2 * MINUTE

        assert (mailed(due) == []) is ends

    @pytest.mark.parametrize("metadata", [{}, {"tenant": "x"}, {"tenant": str(new_id())}])
    def test_what_names_no_tenant_ends_nothing(self, world, mailed, metadata):
        event = AnymailTrackingEvent(event_type="bounced", recipient=world.customer.email, metadata=metadata)
        tracking.send(sender=object, event=event, esp_name="a provider")
        due = world.say(world.sara).created_at + 2 * MINUTE

        assert len(mailed(due)) == 1


class Pages:
    """The addresses of the product where a provider is configured, for `ROOT_URLCONF`."""

    urlpatterns = (path("mail-events/", include(provider_pages())), *ondi_urls.urlpatterns)


@pytest.mark.parametrize(
    ("who", "status", "is_ended"), [(None, 400, False), ("a:b", 400, False), ("a:secret", 200, True)]
)
def test_a_provider_that_does_not_know_the_secret_is_refused(world, mailed, settings, who, status, is_ended):
    settings.ANYMAIL, settings.ROOT_URLCONF = {"WEBHOOK_SECRET": "a:secret"}, Pages
    bounce = {
        "RecordType": "Bounce", "Type": "HardBounce", "Email": world.customer.email, "ID": 1, "TypeCode": 1,
        "MessageID": "x", "Metadata": {"tenant": str(world.tenant.id)}, "BouncedAt": "2026-11-26T10:00:00Z",
    }  # fmt: skip
    said = {"authorization": f"Basic {b64encode(who.encode()).decode()}"} if who else {}

    answer = Client().post("/mail-events/postmark/tracking/", bounce, "application/json", headers=said)

    assert answer.status_code == status
    due = world.say(world.sara).created_at + 2 * MINUTE
    assert (mailed(due) == []) is is_ended


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "{}", "7", '"x"', "\\udcff", '{"RecordType": "Inbound"}', '{"Metadata": 7}']
)
@pytest.mark.parametrize("page", ["postmark/tracking/", "sparkpost/tracking/", "brevo/tracking/", "postmark/inbound/"])
def test_what_is_no_report_of_a_provider_is_400_or_nothing(settings, body, page):
    settings.ANYMAIL, settings.ROOT_URLCONF = {"WEBHOOK_SECRET": "a:secret"}, Pages
    said = {"authorization": f"Basic {b64encode(b'a:secret').decode()}"}

    answer = Client().post(f"/mail-events/{page}", body, "application/json", headers=said)

    assert answer.status_code == 200 or (answer.status_code, answer.json()["error"]) == (400, "validation_error")
    if body in ("", "{"):
        assert answer.status_code == 400


def test_the_address_of_a_server_or_a_provider():
    assert mail_settings("smtp+tls://a:b@mail.example:587")["EMAIL_PORT"] == 587
    assert mail_settings("amazon-ses://?client_params=x&webhook_secret=a:b") == {
        "EMAIL_BACKEND": "anymail.backends.amazon_ses.EmailBackend",
        "ANYMAIL": {"AMAZON_SES_CLIENT_PARAMS": "x", "WEBHOOK_SECRET": "a:b"},
    }
