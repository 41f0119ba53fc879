"""What customers are told in a tenant's own words: what is kept, what it does, and who writes it."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from ondi.accounts.api_keys import issue_api_key
from ondi.accounts.models import Membership, Scope, SettingsChange
from ondi.common.errors import InvalidInput
from ondi.notifications.dispatches import push_due
from ondi.notifications.errors import BrokenPlaceholders, TextsNotEditable, UnknownPlaceholders
from ondi.notifications.gathering import gather_mails
from ondi.notifications.mails import send_due
from ondi.notifications.models import Notification, NotificationText
from ondi.notifications.texts import Text
from ondi.notifications.types import TYPES, Audience, Channel
from ondi.tenants.scope import tenant_scope
from support import notices, services
from support.errors import CannotManageSettings
from support.fixes.doctor import examine
from support.models import Ticket
from support.settings.texts import set_notification_texts
from tests.client import ApiClient
from tests.factories import MemberFactory, TenantFactory, UserFactory, actor
from tests.notifications.mail_server import mail_server
from tests.notifications.world import World
from tests.races import at_once
from tests.workbench import workbench

pytestmark = pytest.mark.django_db(transaction=True)
MINUTE = timedelta(minutes=1)
FOR_CUSTOMERS = [kind.name for kind in TYPES.values() if kind.audience is Audience.CUSTOMERS]
HOSTILE = {
    "{0.__class__}": BrokenPlaceholders,
    "{ticket_number!r}": BrokenPlaceholders,
    "{ticket_number.__class__.__mro__}": BrokenPlaceholders,
    "{ticket_number:>99999999}": BrokenPlaceholders,
    "{": BrokenPlaceholders,
    "}": BrokenPlaceholders,
    "{}": BrokenPlaceholders,
    "{{ticket_number}}": BrokenPlaceholders,
    "{ ticket_number }": BrokenPlaceholders,
    "{Ticket_number}": BrokenPlaceholders,
    "{tenant} {password} {customer_first_name}": UnknownPlaceholders,
}


@pytest.fixture
def world():
    return World()


@pytest.fixture
def boss(world):
    return MemberFactory(tenant=world.tenant, admin=True)


@pytest.fixture
def say(world, boss):
    """The tenant's own words of a type, a channel and a language."""

    def by(title="", message="", *, kind=notices.REPLY, channel=Channel.IN_APP, language="en", who=boss):
        with tenant_scope(world.tenant.id):
            set_notification_texts(actor=actor(who), kind=kind, channel=channel, texts={language: Text(title, message)})

    return by


def stored(world):
    with tenant_scope(world.tenant.id):
        rows = NotificationText.objects.order_by("id")
        return [(one.notification_type, one.channel, one.language, one.title, one.message) for one in rows]


def listed(api, world, language="en"):
    answer = api.as_(world.customer).get("/messaging/notifications", {"language": language})
    return [(one["title"], one["message"]) for one in answer.json()["data"]["notifications"]]


def found_wrong(world):
    return [one for one in examine(world.tenant.slug, world.tenant.id) if one["finding"] == "notification_text"]


class TestWhatIsKept:
    @pytest.mark.parametrize("text", HOSTILE)
    @pytest.mark.parametrize("part", ["title", "message"])
    def test_what_is_no_listed_placeholder_is_refused(self, world, say, part, text):
        with pytest.raises(HOSTILE[text]) as refused:
            say(**{part: f"News {text}"})

        assert refused.value.code in ("broken_placeholders", "unknown_placeholders")
        assert stored(world) == []

    def test_the_refusal_names_what_nothing_fills(self, say):
        with pytest.raises(UnknownPlaceholders) as refused:
            say("{tenant} {password} {customer_first_name}")

        assert refused.value.data == {"names": ["customer_first_name", "password"]}
        assert str(refused.value) == "Unknown placeholders: {customer_first_name}, {password}"

    @pytest.mark.parametrize("channel", [Channel.EMAIL, Channel.PUSH])
    def test_a_subject_is_said_in_the_app_only(self, say, channel):
        say("{ticket_subject}")
        with pytest.raises(UnknownPlaceholders):
            say("{ticket_subject}", channel=channel)

    @pytest.mark.parametrize(
        ("part", "text", "code"),
        [
            ("title", "x" * 121, "max_length"),
            ("title", "x" * 10_000, "max_length"),
            ("message", "x" * 501, "max_length"),
            ("title", "News\nBcc: all@evil.example", "invalid"),
            ("title", "News\r\nBcc: all@evil.example", "invalid"),
            ("title", "a\u2028b", "invalid"),
            ("title", "a\tb", "invalid"),
            ("title", "\x00", "invalid"),
            ("message", "\x1b[2J", "invalid"),
            ("title", "\u202egnp.exe", "invalid"),
            ("message", "\u2067news", "invalid"),
            ("title", "  ", "blank"),
            ("message", "\u200b", "blank"),
        ],
    )
    def test_what_does_not_fit_is_refused_by_its_field(self, world, say, part, text, code):
        with pytest.raises(InvalidInput) as refused:
            say(**{part: text}, language="fa")

        assert refused.value.fields == {f"fa.{part}": [code]}
        assert stored(world) == []

    @pytest.mark.parametrize("text", ["%(number)s %s %", '<b>News</b> & "more"', "می\u200cرسد", "x" * 120])
    def test_all_other_text_is_kept_as_it_is(self, world, say, text):
        say(text)

        assert stored(world) == [(notices.REPLY, "in_app", "en", text, "")]

    def test_only_of_what_customers_are_told(self, world, say):
        for name in (notices.MENTION, notices.NEW, "no_such_type"):
            with pytest.raises(TextsNotEditable):
                say("News", kind=name)
        for name in FOR_CUSTOMERS:
            say("News", kind=name)

        assert [row[0] for row in stored(world)] == FOR_CUSTOMERS

    def test_one_fault_keeps_all_of_it_from_being_stored(self, world, boss):
        texts = {"en": Text("Good"), "ar": Text("{bad}")}
        with tenant_scope(world.tenant.id), pytest.raises(UnknownPlaceholders):
            set_notification_texts(actor=actor(boss), kind=notices.REPLY, channel=Channel.PUSH, texts=texts)

        assert stored(world) == []

    def test_nothing_gives_the_built_in_text_back(self, world, say):
        say("News", "It is here")
        say("", "It is here")
        assert stored(world) == [(notices.REPLY, "in_app", "en", "", "It is here")]

        say("", "")

        assert stored(world) == []

    @pytest.mark.parametrize(
        "row",
        [
            {"channel": "sms"},
            {"language": "de"},
            {"title": "", "message": ""},
            {"title": "a\nb"},
        ],
    )
    def test_the_database_refuses_what_no_text_is(self, world, row):
        good = {"notification_type": notices.REPLY, "channel": "email", "language": "en", "title": "News"}
        with tenant_scope(world.tenant.id), pytest.raises(IntegrityError), transaction.atomic():
            NotificationText.objects.create(tenant=world.tenant, **{**good, **row})

    def test_two_admins_at_once_keep_one_of_the_two(self, world, say):
        at_once([lambda number=number: say(f"News {number}") for number in range(4)])

        assert len(stored(world)) == 1


class TestWhoMay:
    def test_admins_of_the_tenant_and_the_operator(self, world, say):
        for member in (world.sara, world.lead, world.customer, MemberFactory(tenant=world.tenant, viewer=True)):
            with pytest.raises(CannotManageSettings):
                say("News", who=member)

        assert stored(world) == []

    def test_it_is_recorded_with_what_changed(self, world, boss, say):
        say("News")
        say("News")
        say("Other news", "Look")

        with tenant_scope(world.tenant.id):
            changes = list(SettingsChange.objects.filter(actor=boss).order_by("id"))
        name = f"{notices.REPLY}.in_app.en"
        assert [(one.before, one.after) for one in changes] == [
            ({f"{name}.title": "", f"{name}.message": ""}, {f"{name}.title": "News", f"{name}.message": ""}),
            (
                {f"{name}.title": "News", f"{name}.message": ""},
                {f"{name}.title": "Other news", f"{name}.message": "Look"},
            ),
        ]


class TestWhatItDoes:
    def test_in_the_app_it_stands_in_the_list(self, world, api, say):
        say("{tenant}: #{ticket_number}", "About “{ticket_subject}”")
        world.say(world.sara)
        world.settle()

        assert listed(api, world) == [(f"{world.tenant.name}: #{world.ticket.number}", "About “Where is my lamp?”")]

    def test_an_empty_part_another_language_and_another_type_stay_built_in(self, world, api, say):
        say("News")
        world.say(world.sara)
        world.do(services.close_ticket, world.sara)
        world.settle()

        number = world.ticket.number
        closed = (f"Ticket #{number} was closed", "Where is my lamp?")
        assert listed(api, world) == [closed, ("News", "Where is my lamp?")]
        assert listed(api, world, "ku")[1] == (f"وەڵام بۆ تیکێتی #{number}", "Where is my lamp?")

    def test_what_fills_a_text_is_not_filled_itself(self, world, api, say):
        with tenant_scope(world.tenant.id):
            Ticket.objects.filter(id=world.ticket.id).update(subject="{tenant} %(number)s {0}")
        say("{ticket_subject} \\1 %(number)s")
        world.say(world.sara)
        world.settle()

        assert listed(api, world)[0][0] == "{tenant} %(number)s {0} \\1 %(number)s"

    def test_a_stored_text_that_leaves_something_open_is_shown_with_its_braces(self, world, api):
        with tenant_scope(world.tenant.id):
            NotificationText.objects.create(
                tenant=world.tenant, notification_type=notices.REPLY, channel="in_app", language="en",
                title="{once_listed} {ticket_number", message="{0.__class__}",
            )  # fmt: skip
        world.say(world.sara)
        world.settle()

        assert listed(api, world) == [("{once_listed} {ticket_number", "{0.__class__}")]
        assert len(found_wrong(world)) == 1

    def test_what_is_kept_by_the_service_is_no_finding(self, world, say):
        for channel in Channel:
            say("{tenant} #{ticket_number} %", "{ticket_number}", channel=channel)

        assert [
            one for one in examine(world.tenant.slug, world.tenant.id) if one["finding"] == "notification_text"
        ] == []

    def test_words_for_what_is_missing_are_no_finding_and_the_fact_is_said(self, world, api, say):
        say("#{ticket_number|yours}", "{tenant|we}")
        world.say(world.sara)
        world.settle()

        assert found_wrong(world) == []
        assert [title.lstrip("#").isdecimal() for title, _message in listed(api, world)] == [True]

    def test_a_list_costs_a_customer_no_statement_more(self, world, api, say, django_assert_num_queries):
        world.say(world.sara)
        world.settle()
        for own in ("", "{tenant} {ticket_subject}"):
            say(own)
            with tenant_scope(world.tenant.id):
                reader, told = actor(world.customer), list(Notification.objects.filter(membership=world.customer))
                with django_assert_num_queries(2):
                    assert len(notices.texts_of(told, reader)) == 1

    def test_colleagues_are_told_in_the_built_in_words(self, world, say):
        say("News")
        world.say(world.customer, "Hello?")
        world.settle()
        page = workbench(world.sara.user).get(reverse("admin:support_ticket_notifications")).content.decode()

        assert f"New message in ticket #{world.ticket.number}" in page

    def test_another_tenants_words_are_not_said_here(self, world, api):
        other = TenantFactory()
        other_admin = MemberFactory(tenant=other, admin=True)
        with tenant_scope(other.id):
            set_notification_texts(
                actor=actor(other_admin), kind=notices.REPLY, channel=Channel.IN_APP, texts={"en": Text("Theirs")}
            )
        world.say(world.sara)
        world.settle()

        assert listed(api, world)[0][0] == f"Answer to ticket #{world.ticket.number}"

    def test_a_push_says_it_in_its_readers_language(self, world, say):
        say("خبر #{ticket_number}", "من {tenant}", channel=Channel.PUSH, language="ar")
        with tenant_scope(world.tenant.id):
            Membership.objects.filter(id=world.customer.id).update(language="ar")
            _key, text = issue_api_key(tenant_id=world.tenant.id, name="feed", scopes=[Scope.CHANGES_READ])
        world.say(world.sara)
        world.settle()
        push_due()
        world.settle()

        changes = ApiClient(**{"X-API-Key": text}).get("/integrations/changes", {"after": 0, "limit": 200})
        (push,) = [one["data"] for one in changes.json()["data"]["changes"] if one["event"] == "notification.due"]
        assert (push["title"], push["message"]) == (f"خبر #{world.ticket.number}", f"من {world.tenant.name}")

    def test_a_mail_has_it_as_heading_and_paragraph_and_keeps_its_subject(self, world, say, settings):
        say("<b>News</b> of #{ticket_number}", "{tenant} wrote.\nLook.", channel=Channel.EMAIL)
        due = world.say(world.sara).created_at + 2 * MINUTE
        with mail_server(settings) as server:
            world.settle()
            gather_mails(at=due)
            send_due(at=due)
            (mail,) = server.to(world.customer.email)

        number, name = world.ticket.number, world.tenant.name
        text, html = (mail.get_body((kind,)).get_content().replace("\r\n", "\n") for kind in ("plain", "html"))
        assert mail["Subject"] == f"Ticket #{number}: {name}"
        assert f"<b>News</b> of #{number}\n" in text
        assert f"{name} wrote.\nLook." in text
        assert f"&lt;b&gt;News&lt;/b&gt; of <bdi>#{number}</bdi></h1>" in html
        assert f"{name} wrote.<br>Look.</p>" in html

    def test_of_several_the_newest_is_the_heading_and_nothing_is_said_twice(self, world, say, settings):
        say("An answer", "Look at it.", channel=Channel.EMAIL)
        say("Done", "We closed it.", channel=Channel.EMAIL, kind=notices.CLOSED)
        world.say(world.sara)
        world.say(world.sara)
        world.do(services.close_ticket, world.sara)
        with mail_server(settings) as server:
            world.settle()
            with tenant_scope(world.tenant.id):
                due = Ticket.objects.get(id=world.ticket.id).closed_at + 10 * MINUTE
            gather_mails(at=due)
            send_due(at=due)
            (mail,) = server.to(world.customer.email)

        lines = [line for line in mail.get_body(("plain",)).get_content().splitlines() if line]
        assert lines[1:5] == ["Done", "We closed it.", "An answer", "Look at it."]


EDIT = "admin:notifications_notificationtext_edit"
LIST = "admin:notifications_notificationtext_changelist"


def page_of(world, kind=notices.REPLY, channel="email"):
    return reverse(EDIT, args=[world.tenant.id, kind, channel])


def said_in(page):
    return unescape(page.content.decode())


class TestTheScreen:
    def test_the_list_says_what_counts_and_whose_words_it_is(self, world, boss, say):
        say("Our <i>own</i> {ticket_number}", "Two\nlines")
        page = workbench(boss.user).get(reverse(LIST)).content.decode()

        assert "Our &lt;i&gt;own&lt;/i&gt; 1042" in page
        assert page.count("own text") == 1
        assert page.count("built in</span>") == 4 * 3 * 4 - 1
        assert len(re.findall(r'lang="(?:ar|ku|fa)" dir="rtl"', page)) == 4 * 3 * 3

    def test_what_is_typed_is_kept_and_an_empty_field_gives_it_back(self, world, boss):
        client = workbench(boss.user)
        answer = client.post(page_of(world), {"title_en": "News", "message_ku": "هەواڵ\r\nنوێ"})
        assert answer.headers["Location"] == f"{reverse(LIST)}?tenant={world.tenant.id}"
        assert sorted(stored(world)) == [
            (notices.REPLY, "email", "en", "News", ""),
            (notices.REPLY, "email", "ku", "", "هەواڵ\nنوێ"),
        ]

        client.post(page_of(world), {"title_en": "News"})
        assert stored(world) == [(notices.REPLY, "email", "en", "News", "")]

        client.post(page_of(world), {"title_en": "News", "built_in": "1"})
        assert stored(world) == []

    def test_the_preview_is_the_mail_itself_and_nothing_is_kept(self, world, boss):
        typed = {"title_ar": "خبر #{ticket_number} <script>", "message_ar": "من {tenant}", "preview": "1"}
        page = workbench(boss.user).post(page_of(world), typed)

        frames = re.findall(r'<iframe sandbox srcdoc="([^"]*)"', page.content.decode())
        assert len(frames) == 4
        arabic = unescape(frames[1])
        assert '<html lang="ar" dir="rtl">' in arabic
        assert "خبر <bdi>#1042</bdi> &lt;script&gt;</h1>" in arabic
        assert f"من {world.tenant.name}" in arabic
        assert "Answer to ticket" in unescape(frames[0])
        assert stored(world) == []

    @pytest.mark.parametrize("channel", ["in_app", "push"])
    def test_the_preview_of_a_notification(self, world, boss, channel):
        typed = {"title_fa": "خبر #{ticket_number}", "preview": "1"}
        page = workbench(boss.user).post(page_of(world, channel=channel), typed).content.decode()

        assert '<p lang="fa" dir="rtl" class="wb-card wb-texts-said"><b>خبر <bdi>#1042</bdi></b>' in page

    @pytest.mark.parametrize("preview", [{}, {"preview": "1"}])
    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("{password}", "Unknown placeholders: {password}"),
            ("{0.__class__}", "A brace stands alone."),
            ("{", "A brace stands alone."),
            ("x" * 10_000, "This text is too long."),
            ("a\nb", "This value is not valid."),
            ("\u202e", "This field may not be blank."),
        ],
    )
    def test_what_does_not_fit_is_said_at_its_field_and_stays_there(self, world, boss, text, sentence, preview):
        answer = workbench(boss.user).post(page_of(world), {"title_en": text, **preview})

        assert answer.status_code == 400
        assert sentence in said_in(answer)
        assert text in said_in(answer)
        assert stored(world) == []

    def test_of_another_tenant_or_of_nothing_there_is_no_page(self, world, boss):
        client, other = workbench(boss.user), TenantFactory()
        pages = [
            reverse(EDIT, args=[other.id, notices.REPLY, "email"]),
            page_of(world, kind=notices.MENTION), page_of(world, kind="nothing"), page_of(world, channel="sms"),
        ]  # fmt: skip
        for page in pages:
            for answer in (client.get(page), client.post(page, {"title_en": "x"})):
                assert answer.headers["Location"] == reverse("admin:index")
        assert stored(world) == []

    def test_who_manages_one_tenant_and_works_in_another_writes_in_the_one(self, world, boss):
        theirs = TenantFactory(name="Aaa")
        MemberFactory(tenant=theirs, agent=True, user=boss.user)
        client, page = workbench(boss.user), reverse(EDIT, args=[theirs.id, notices.REPLY, "email"])

        for answer in (client.get(page), client.post(page, {"title_en": "x", "preview": "1"})):
            assert answer.headers["Location"] == reverse("admin:index")
        assert reverse(EDIT, args=[world.tenant.id, notices.REPLY, "email"]) in said_in(client.get(reverse(LIST)))

    def test_the_words_of_one_tenant_are_not_shown_as_anothers(self, world, boss, say):
        say("Ours")
        second = MemberFactory(tenant=TenantFactory(), admin=True, user=boss.user)
        client = workbench(boss.user)

        assert "Ours" in said_in(client.get(reverse(LIST), {"tenant": world.tenant.id}))
        assert "Ours" not in said_in(client.get(reverse(LIST), {"tenant": second.tenant_id}))
        page = reverse(EDIT, args=[second.tenant_id, notices.REPLY, "in_app"])
        assert "Ours" not in said_in(client.get(page))
        client.post(page, {"built_in": "1"})
        assert len(stored(world)) == 1

    def test_who_manages_several_tenants_looks_at_one(self, world):
        TenantFactory(name="Aaa")
        operator = workbench(UserFactory(is_superuser=True))
        page = operator.get(reverse(LIST), {"tenant": world.tenant.id}).content.decode()

        assert f'<option value="{world.tenant.id}" selected>' in page
