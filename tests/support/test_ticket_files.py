"""Files at the page of a ticket: announced, sent, refused, kept, shown, and taken back."""

import json
import re
from datetime import timedelta
from html import unescape

import pytest
import time_machine
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ondi.common.ids import new_id
from ondi.files.checking import check_due
from ondi.files.models import StoredFile
from ondi.tenants.scope import tenant_scope
from support.models import TicketNote
from support.services import post_message, redact_ticket_message, write_note
from tests.api.test_statements import NOT_COUNTED
from tests.factories import MemberFactory, TenantFactory, UserFactory, actor, make_file, make_ticket, reload
from tests.files.links import follow, put
from tests.security.test_headers import policy
from tests.workbench import workbench

pytestmark = pytest.mark.django_db(transaction=True)
TEXT = b"It was broken when it came."


@pytest.fixture
def customer(tenant):
    return MemberFactory(tenant=tenant, first_name="Layla")


@pytest.fixture
def sara(tenant):
    return MemberFactory(tenant=tenant, agent=True, first_name="Sara")


@pytest.fixture
def ticket(customer):
    return make_ticket(customer)


@pytest.fixture
def browser(sara):
    return workbench(sara.user)


def page(ticket, *more):
    return "/".join([f"/admin/support/ticket/{ticket.id}", *map(str, more)]) + "/"


def seen(ticket, **changes):
    now = reload(ticket)
    with tenant_scope(now.tenant_id):
        last = now.conversation.message_count
    return {"last_sequence": last, "assignee": now.assignee_id or "", "status": now.status, **changes}


def reply(browser, ticket, content, *files, **fields):
    form = {"content": content, "attachment_ids": [file.id for file in files], **seen(ticket), **fields}
    return browser.post(page(ticket, "reply"), form)


def note(browser, ticket, content, *files):
    return browser.post(page(ticket, "note"), {"content": content, "attachment_ids": [file.id for file in files]})


def announce(browser, ticket, **changes):
    said = {"file_name": "parcel.txt", "content_type": "text/plain", "size": len(TEXT), **changes}
    return browser.post(page(ticket, "files"), said)


def shown(browser, ticket):
    return browser.get(page(ticket, "change")).content.decode()


def drafts_in(answer):
    """The names of the files that stand in the composer."""
    found = re.findall(r'data-drafts="(\[.*?\])"', answer.content.decode())
    return [one["file_name"] for files in found for one in json.loads(unescape(files))]


def say(member, ticket, content, *files):
    with tenant_scope(ticket.tenant_id):
        return post_message(
            actor=actor(member), conversation_id=ticket.conversation_id, content=content,
            attachment_ids=[file.id for file in files],
        )  # fmt: skip


def files_of(ticket):
    """Names of what was sent, of each message that has any."""
    with tenant_scope(ticket.tenant_id):
        keys = list(ticket.conversation.messages.order_by("sequence").values_list("id", flat=True))
        files = StoredFile.objects.in_tenants([ticket.tenant_id])
        return [names for key in keys if (names := [str(one) for one in files.of("message", [key])])]


class TestAnnouncing:
    def test_a_draft_says_where_its_bytes_go_and_what_became_of_it(self, browser, ticket):
        answer = announce(browser, ticket)
        draft = answer.json()
        assert (answer.status_code, draft["state"], draft["file_name"]) == (201, "waiting", "parcel.txt")
        one = page(ticket, "files", draft["id"])
        assert browser.get(one).json()["upload"]["headers"] == {"Content-Type": "text/plain"}

        assert put(draft["upload"], TEXT).status == 200

        assert browser.get(one).json()["state"] == "checking"
        assert check_due() == 1
        ready = browser.get(one).json()
        assert (ready["state"], ready["icon"], "upload" in ready) == ("ready", "description", False)
        assert follow(ready["download_url"]).body == TEXT

    def test_a_refused_one_has_its_reason_in_words(self, browser, ticket):
        draft = announce(browser, ticket, file_name="parcel.jpg", content_type="image/jpeg").json()
        put(draft["upload"], TEXT)
        check_due()

        refused = browser.get(page(ticket, "files", draft["id"])).json()

        assert (refused["state"], refused["reason"], refused["said"]) == (
            "refused", "type_mismatch", "It is another type of file than its name says.",
        )  # fmt: skip

    @pytest.mark.parametrize(
        ("changes", "status", "code"),
        [
            ({"content_type": "image/svg+xml"}, 400, "validation_error"),
            ({"content_type": ""}, 400, "validation_error"),
            ({"size": "0"}, 400, "validation_error"),
            ({"size": "many"}, 400, "validation_error"),
            ({"size": "26214401"}, 413, "payload_too_large"),
            ({"file_name": ""}, 400, "validation_error"),
            ({"file_name": "x" * 256}, 400, "validation_error"),
            ({"file_name": "a\x00b.txt"}, 400, "validation_error"),
        ],
    )
    def test_what_cannot_be_sent_is_refused_in_words(self, browser, ticket, tenant, changes, status, code):
        answer = announce(browser, ticket, **changes)

        assert (answer.status_code, answer.json()["error"]) == (status, code)
        assert answer.json()["message"]
        with tenant_scope(tenant.id):
            assert not StoredFile.objects.exists()

    def test_no_room_is_said(self, browser, ticket, settings):
        settings.FILES_QUOTA_BYTES = 10

        answer = announce(browser, ticket)

        assert (answer.status_code, answer.json()) == (
            409, {"error": "storage_quota_exceeded", "message": "There is no room left for files."},
        )  # fmt: skip

    def test_by_who_may_answer_alone(self, tenant, ticket, customer):
        viewer, operator = MemberFactory(tenant=tenant, viewer=True), UserFactory(is_superuser=True)
        for user in (viewer.user, operator):
            assert announce(workbench(user), ticket).status_code == 403
        assert announce(workbench(MemberFactory(agent=True).user), ticket).status_code == 302
        agent = MemberFactory(tenant=tenant, agent=True)
        assert announce(workbench(agent.user), make_ticket(agent)).status_code == 403

    def test_of_somebody_else_it_is_not_there(self, browser, ticket, tenant):
        colleague = MemberFactory(tenant=tenant, agent=True)
        for other in (make_file(colleague), make_file(MemberFactory(tenant=TenantFactory(), agent=True))):
            one = page(ticket, "files", other.id)
            for answer in (browser.get(one), browser.post(one)):
                assert (answer.status_code, answer.json()["error"]) == (404, "attachment_not_found")

    def test_a_draft_can_be_removed_and_nothing_else(self, browser, ticket, sara):
        draft, sent = make_file(sara), make_file(sara)
        assert reply(browser, ticket, "Hello", sent).status_code == 302

        assert browser.post(page(ticket, "files", draft.id)).status_code == 200
        assert browser.get(page(ticket, "files", draft.id)).status_code == 404
        assert browser.post(page(ticket, "files", sent.id)).status_code == 404
        assert files_of(ticket) == [["note.txt"]]

    def test_it_needs_a_form_of_ours(self, ticket, sara):
        strict = Client(enforce_csrf_checks=True)
        strict.cookies = workbench(sara.user).cookies

        assert strict.post(page(ticket, "files"), {}).status_code == 403
        assert workbench(sara.user).get(page(ticket, "files")).status_code == 405


class TestSending:
    def test_files_go_with_an_answer_and_a_note_in_their_order(self, browser, ticket, sara):
        files = [make_file(sara, file_name=f"{name}.txt") for name in "cab"]
        assert reply(browser, ticket, "Here they are", *files).status_code == 302
        noted = make_file(sara, file_name="inside.txt")
        assert note(browser, ticket, "", noted).status_code == 302

        assert files_of(ticket) == [["c.txt", "a.txt", "b.txt"]]
        with tenant_scope(ticket.tenant_id):
            assert TicketNote.objects.get(ticket=ticket).attachment_count == 1
        text = shown(browser, ticket)
        assert [text.index(f"{name}.txt") for name in ("c", "a", "b", "inside")] == sorted(
            text.index(f"{name}.txt") for name in ("c", "a", "b", "inside")
        )

    def test_files_alone_are_an_answer_and_the_queue_names_them(self, browser, ticket, sara):
        assert reply(browser, ticket, "", make_file(sara, file_name="label.txt")).status_code == 302

        assert "label.txt" in browser.get("/admin/support/ticket/?tab=mine").content.decode()

    @pytest.mark.parametrize("send", [reply, note])
    def test_neither_words_nor_files_are_nothing(self, browser, ticket, send):
        answer = send(browser, ticket, "")

        assert answer.status_code == 400
        assert "This field may not be blank." in answer.content.decode()

    def test_what_was_refused_keeps_its_files(self, browser, ticket, sara, customer):
        file = make_file(sara, file_name="report.txt")
        stale = seen(ticket)
        say(customer, ticket, "And?")

        answer = reply(browser, ticket, "", file, **stale)

        assert (answer.status_code, drafts_in(answer)) == (409, ["report.txt"])
        assert files_of(ticket) == []
        assert drafts_in(reply(browser, ticket, "Hello {order_number}", file)) == ["report.txt"]

    def test_too_many_and_too_much_are_said_in_words(self, browser, ticket, sara):
        many = [make_file(sara) for _file in range(11)]
        with tenant_scope(ticket.tenant_id):
            StoredFile.objects.filter(id__in=[one.id for one in many[:2]]).update(size=20_000_000)
        for files in (many, many[:2]):
            answer = note(browser, ticket, "Look", *files)
            assert answer.status_code == 400
            assert "at most 10 files, together at most 25 MB" in answer.content.decode()
            assert len(drafts_in(answer)) == len(files)

    def test_what_is_no_draft_of_ones_own_is_not_sent(self, browser, ticket, tenant, sara):
        other, waiting = make_file(MemberFactory(tenant=tenant, agent=True)), make_file(sara, state="waiting")
        for file, status, words in (
            (other, 404, "There is no such file."), (waiting, 409, "The file is not uploaded yet."),
        ):  # fmt: skip
            answer = reply(browser, ticket, "Hello", file)
            assert (answer.status_code, words in answer.content.decode()) == (status, True)
        assert reply(browser, ticket, "Hello", attachment_ids="not-an-id").status_code == 400
        assert files_of(ticket) == []

    def test_sent_twice_it_is_sent_once(self, browser, ticket, sara):
        file, form_id = make_file(sara), str(new_id())
        first = reply(browser, ticket, "Hello", file, form_id=form_id)
        again = reply(browser, ticket, "Hello", file, form_id=form_id)
        other = reply(browser, ticket, "Hello", form_id=form_id)

        assert (first.status_code, again.status_code, other.status_code) == (302, 302, 409)
        assert files_of(ticket) == [["note.txt"]]


class TestThread:
    def test_each_state_is_shown_as_such(self, browser, ticket, customer):
        files = [make_file(customer, file_name=f"{state}.txt", state=state) for state in ("ready", "checking")]
        refused = make_file(customer, file_name="bad.txt")
        with tenant_scope(ticket.tenant_id):
            StoredFile.objects.filter(id=refused.id).update(
                state="refused", reason="infected", stored_id=None, stored_bytes=0
            )
        say(customer, ticket, "Three", *files, refused)

        text = shown(browser, ticket)

        assert text.count("/files/download/") == 1
        assert "Being checked" in re.search(r"checking\.txt</bdi>.*?</small>", text).group()
        assert "Refused. A virus was found in it." in re.search(r"bad\.txt</bdi>.*?</small>", text).group()

    def test_pictures_have_a_box_before_they_are_there(self, browser, ticket, customer):
        picture = make_file(customer, file_name="parcel.txt")
        with tenant_scope(ticket.tenant_id):
            StoredFile.objects.filter(id=picture.id).update(
                content_type="image/jpeg", file_name='"><script>.jpg', has_views=True, width=4_096, height=3_072
            )
        say(customer, ticket, "", picture)

        text = shown(browser, ticket)

        tag = re.search(r"<img [^>]*thumbnail[^>]*>", text).group()
        assert 'width="4096" height="3072" loading="lazy"' in tag
        assert 'alt="&quot;&gt;&lt;script&gt;.jpg"' in tag
        assert re.search(r'href="[^"]*/files/view/[^"]*"', text)
        assert "<script>.jpg" not in text

    def test_a_reader_without_the_right_has_no_use_of_a_link(self, browser, ticket, customer, sara):
        say(customer, ticket, "Look", make_file(customer, body=TEXT))
        link = unescape(re.search(r'href="([^"]*/files/download/[^"]*)"', shown(browser, ticket)).group(1))
        assert follow(link).body == TEXT
        with tenant_scope(ticket.tenant_id):
            sara.is_support_user = False
            sara.save()

        assert follow(link).status == 404

    def test_links_stay_within_the_hour_and_the_page_says_when_they_end(self, sara, ticket, customer):
        say(customer, ticket, "Look", make_file(customer))
        start = timezone.now().replace(minute=2, second=0, microsecond=0) + timedelta(hours=1)

        def link(minutes):
            with time_machine.travel(start + timedelta(minutes=minutes), tick=False):
                return re.search(r'href="[^"]*/files/download/[^"]*"', shown(workbench(sara.user), ticket)).group()

        assert link(0) == link(50)
        assert link(0) != link(60)
        with time_machine.travel(start, tick=False):
            end = re.search(r'data-links-end="([^"]*)"', shown(workbench(sara.user), ticket)).group(1)
        assert end == f"{start.replace(minute=0) + timedelta(hours=2):%Y-%m-%dT%H:%M:%S.%fZ}"

    def test_all_files_cost_one_statement_and_none_cost_none(self, browser, ticket, customer, sara):
        def cost():
            with CaptureQueriesContext(connection) as captured:
                shown(browser, ticket)
            return [one["sql"] for one in captured if not NOT_COUNTED.match(one["sql"])]

        say(customer, ticket, "Without")
        shown(browser, ticket)  # which marks what tells of it as read
        none = cost()
        for _message in range(3):
            say(customer, ticket, "With", *(make_file(customer) for _file in range(4)))
        with tenant_scope(ticket.tenant_id):
            write_note(actor=actor(sara), ticket_id=ticket.id, content="Noted", attachment_ids=[make_file(sara).id])
        some = cost()

        assert not [one for one in none if "files_storedfile" in one]
        assert len([one for one in some if "files_storedfile" in one]) == 1
        assert len(some) == len(none) + 1

    def test_what_is_taken_back_is_gone_at_once(self, ticket, customer, tenant):
        lead = MemberFactory(tenant=tenant, lead=True)
        browser = workbench(lead.user)
        message = say(customer, ticket, "Look", make_file(customer, file_name="private.txt"))
        link = unescape(re.search(r'href="([^"]*/files/download/[^"]*)"', shown(browser, ticket)).group(1))
        assert "and its files" in browser.get(page(ticket, "redact", message.id)).content.decode()

        with tenant_scope(tenant.id):
            redact_ticket_message(actor=actor(lead), ticket_id=ticket.id, message_id=message.id)

        assert "private.txt" not in shown(browser, ticket)
        assert follow(link).status == 404

    def test_the_page_may_load_files_from_where_links_lead(self, browser, ticket):
        found = policy(browser.get(page(ticket, "change")))

        assert found["img-src"].split() == ["'self'", "data:", *policy_origins()]
        assert set(policy_origins()) <= set(found["connect-src"].split())


def policy_origins():
    return [one for one in django_settings.FILES_ORIGINS if one]
