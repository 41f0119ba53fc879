"""A sender address of a tenant's own: it counts while the operator allows its domain, and after a code was entered."""

import io
import re
from datetime import timedelta
from email.utils import parseaddr

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ondi.accounts.models import Membership
from ondi.common.errors import InvalidInput
from ondi.notifications.addresses import is_suppressed, suppress
from ondi.notifications.chores import forget_notifications
from ondi.notifications.errors import (
    MailNotConfigured,
    NothingToProve,
    SenderCodeOver,
    SenderDomainNotAllowed,
    TooManySenderCodes,
)
from ondi.notifications.letters import from_address
from ondi.notifications.link_mails import queue_reset
from ondi.notifications.mails import send_due
from ondi.notifications.models import Mail, SenderCode, Suppression
from ondi.notifications.sender_addresses import address_in_dns, usable_address
from ondi.notifications.sender_codes import standing_of
from ondi.notifications.senders import Sender
from ondi.tenants.scope import tenant_scope
from support.errors import CannotManageSettings
from support.settings.services import ask_for_sender_code, prove_sender_address, update_portal_settings
from tests.factories import MemberFactory, TenantFactory, UserFactory, actor
from tests.notifications.mail_server import mail_server
from tests.notifications.test_mails import parts
from tests.workbench import workbench

pytestmark = pytest.mark.django_db(transaction=True)
OWN = "help@shop.example"
HOUR = timedelta(hours=1)


@pytest.fixture
def server(settings):
    settings.DEFAULT_FROM_EMAIL = "OnDi <ondi@operator.example>"
    with mail_server(settings) as running:
        yield running


class Shop:
    """A tenant whose admin may prove its sender address."""

    def __init__(self, server, **person):
        self.server = server
        self.tenant = TenantFactory(name="Tigris")
        self.admin = MemberFactory(tenant=self.tenant, admin=True, **person)

    def set(self, **changes):
        with tenant_scope(self.tenant.id):
            update_portal_settings(actor=actor(self.admin), changes=changes)

    def domain(self, what, domain="shop.example"):
        said = io.StringIO()
        names = [domain] if domain else []
        call_command("sender_domain", what, *names, f"--tenant={self.tenant.slug}", stdout=said)
        return said.getvalue().split()

    def ask(self, who=None):
        """The code as it was mailed; None where nothing was mailed."""
        before = len(self.server.mails)
        with tenant_scope(self.tenant.id):
            ask_for_sender_code(actor=actor(who or self.admin))
        send_due()
        return code_in(self.server.mails[-1]) if len(self.server.mails) > before else None

    def enter(self, code, **options):
        with tenant_scope(self.tenant.id):
            return prove_sender_address(actor=actor(self.admin), code=code, **options)

    def prove(self, address=OWN, domain="shop.example"):
        self.domain("allow", domain)
        self.set(sender_address=address)
        assert self.enter(self.ask())

    def sender(self):
        """Whom a mail comes from that is sent now: name and address."""
        with tenant_scope(self.tenant.id):
            queue_reset(MemberFactory(tenant=self.tenant, waiting=True), site="https://ondi.example")
        send_due()
        return parseaddr(str(self.server.mails[-1]["From"]))


def code_in(mail):
    (code,) = re.findall(r"\d{8}", mail.get_body(("plain",)).get_content())
    return code


OPERATORS = ("Tigris", "ondi@operator.example")
THEIRS = ("Tigris", OWN)


@pytest.fixture
def shop(server):
    return Shop(server)


def test_mails_come_from_it_once_the_domain_is_allowed_and_the_code_entered(shop):
    shop.set(sender_address=OWN)
    assert shop.sender() == OPERATORS
    assert shop.domain("allow") == ["shop.example"]
    assert shop.sender() == OPERATORS

    code = shop.ask()
    (mail,) = shop.server.to(OWN)
    assert parseaddr(str(mail["From"])) == OPERATORS
    assert shop.sender() == OPERATORS
    assert shop.enter(code) is True

    assert shop.sender() == THEIRS
    assert str(shop.server.mails[-1]["Message-ID"]).endswith("@operator.example>")


@pytest.mark.parametrize(("language", "word"), [("en", "Your code"), ("ar", "رمزك"), ("ku", "کۆد"), ("fa", "کد")])
def test_the_code_is_mailed_in_the_language_of_who_asks(server, language, word):
    shop = Shop(server, language=language)
    shop.domain("allow")
    shop.set(sender_address=OWN)

    code = shop.ask()

    text, html = parts(server.mails[-1])
    assert word in text
    assert f"<bdi>{code}</bdi>" in html
    assert shop.admin.email not in text + html


def test_a_code_may_be_typed_with_spaces_and_in_any_digits(shop):
    shop.domain("allow")
    shop.set(sender_address=OWN)
    code = shop.ask()
    eastern = code.translate({ord("0") + number: "٠١٢٣٤٥٦٧٨٩"[number] for number in range(10)})

    assert shop.enter(f" {eastern[:4]} {eastern[4:]} ") is True


@pytest.mark.parametrize("wrong", ["", "00000000", "x" * 300, "12345678901", "²³", "\x00", "--"])
def test_a_wrong_code_proves_nothing_and_leaves_four_more(shop, wrong):
    shop.domain("allow")
    shop.set(sender_address=OWN)
    code = shop.ask()

    assert shop.enter(wrong) is False
    assert shop.sender() == OPERATORS
    assert shop.enter(code) is True


def test_after_five_wrong_ones_the_right_one_is_no_longer_good(shop):
    shop.domain("allow")
    shop.set(sender_address=OWN)
    code = shop.ask()
    assert [shop.enter("x") for _time in range(5)] == [False] * 5

    with pytest.raises(SenderCodeOver):
        shop.enter(code)

    assert shop.sender() == OPERATORS
    assert shop.enter(shop.ask()) is True


def test_a_code_is_good_for_an_hour_to_the_second(shop):
    shop.domain("allow")
    shop.set(sender_address=OWN)
    code, now = shop.ask(), timezone.now()

    with pytest.raises(SenderCodeOver):
        shop.enter(code, at=now + HOUR)
    with time_machine.travel(now + HOUR - timedelta(seconds=10)):
        assert shop.enter(code) is True


def test_only_the_last_code_counts(shop):
    shop.domain("allow")
    shop.set(sender_address=OWN)
    first, second = shop.ask(), shop.ask()

    assert shop.enter(first) is False
    assert shop.enter(second) is True


def test_a_code_that_is_replaced_before_it_is_sent_is_not_sent(shop):
    shop.domain("allow")
    shop.set(sender_address=OWN)
    with tenant_scope(shop.tenant.id):
        ask_for_sender_code(actor=actor(shop.admin))

    code = shop.ask()

    assert [code_in(mail) for mail in shop.server.to(OWN)] == [code]


@pytest.mark.parametrize("what", ["withdrawn", "late"])
def test_a_code_of_no_use_any_more_is_not_sent(shop, what):
    shop.domain("allow")
    shop.set(sender_address=OWN)
    with tenant_scope(shop.tenant.id):
        ask_for_sender_code(actor=actor(shop.admin))
    if what == "withdrawn":
        shop.domain("withdraw")

    send_due(at=timezone.now() + (HOUR if what == "late" else timedelta(0)))

    assert shop.server.mails == []
    with tenant_scope(shop.tenant.id):
        assert list(Mail.objects.values_list("state", "reason")) == [("dropped", "code_over")]


def test_another_tenants_code_proves_nothing(server, shop):
    other = Shop(server)
    for one in (shop, other):
        one.domain("allow")
        one.set(sender_address=OWN)
    code, theirs = shop.ask(), other.ask()

    assert shop.enter(theirs) is False
    assert other.enter(theirs) is True
    assert (shop.sender(), other.sender()) == (OPERATORS, THEIRS)
    assert shop.enter(code) is True


def test_a_code_proves_the_address_it_was_sent_to_and_no_other(shop):
    shop.domain("allow")
    shop.set(sender_address=OWN)
    code = shop.ask()
    shop.set(sender_address="boss@shop.example")

    with pytest.raises(SenderCodeOver):
        shop.enter(code)

    assert shop.sender() == OPERATORS


def test_a_proved_address_counts_only_while_it_is_the_one_of_the_settings(shop):
    shop.prove()
    shop.set(sender_address="boss@shop.example")
    assert shop.sender() == OPERATORS
    shop.set(sender_address="")
    assert shop.sender() == OPERATORS
    shop.set(sender_address=OWN)

    assert shop.sender() == THEIRS


def test_a_domain_that_is_withdrawn_counts_no_more_at_once_and_the_proof_is_kept(shop):
    shop.prove()
    assert shop.domain("withdraw") == []
    assert shop.sender() == OPERATORS
    shop.domain("allow")

    assert shop.sender() == THEIRS


def test_a_domain_allowed_to_one_tenant_is_allowed_to_no_other(server, shop):
    shop.domain("allow")
    other = Shop(server)
    other.set(sender_address=OWN)

    with pytest.raises(SenderDomainNotAllowed):
        other.ask()


@pytest.mark.parametrize(
    "address",
    [
        "help@mail.shop.example", "help@notshop.example", "help@shop.example.evil.example", "help@shop.exampl",
        "help@ѕhop.example", "help@operator.example", "help@xn--shop.example",
    ],
)  # fmt: skip
def test_below_beside_and_alike_is_another_domain_to_which_nothing_is_mailed(shop, address):
    shop.domain("allow")
    shop.set(sender_address=address)

    with pytest.raises(SenderDomainNotAllowed):
        shop.ask()

    with pytest.raises(SenderDomainNotAllowed):
        shop.enter("12345678")
    send_due()
    assert shop.server.mails == []


@pytest.mark.parametrize(
    ("domain", "address", "comes_from"),
    [
        ("SHOP.Example.", "Help@sHoP.eXample", "Help@shop.example"),
        ("bücher.example", "help@bücher.example", "help@xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "help@BÜCHER.example", "help@xn--bcher-kva.example"),
    ],
)
def test_a_domain_is_the_same_in_capitals_and_in_every_writing(shop, domain, address, comes_from):
    shop.prove(address, domain)

    assert shop.sender() == ("Tigris", comes_from)


def test_no_address_or_name_puts_anything_into_a_header(shop):
    shop.prove()
    shop.set(sender_name='Shop" <boss@shop.example>, "x')
    assert shop.sender()[1] == OWN
    for text in (
        "a\r\nBcc: x@y.example",
        "a@shop.example\nBcc: x@y.example",
        '"a\rb"@shop.example',
        "a@b.example,c@d.example",
    ):
        with pytest.raises(InvalidInput):
            shop.set(sender_address=text)
    assert from_address(Sender("Shop", '"a b"@shop.example')) == 'Shop <"a b"@shop.example>'


@pytest.mark.parametrize(
    "text", ["", "x", "@", "a@", "a@b c", "a@..", "a@" + "x" * 300, "a@[127.0.0.1]", "a@localhost"]
)
def test_from_what_is_no_domain_no_mail_comes(text):
    assert address_in_dns(text) == ""
    tenant = TenantFactory()
    with tenant_scope(tenant.id):
        assert usable_address(tenant_id=tenant.id, address=text) == ""


def test_nobody_is_flooded_with_codes(shop):
    shop.domain("allow")
    for number in range(5):
        shop.set(sender_address=f"a{number}@shop.example")
        assert shop.ask()
    shop.set(sender_address=OWN)

    with pytest.raises(TooManySenderCodes):
        shop.ask()
    with time_machine.travel(timezone.now() + HOUR):
        assert shop.ask()

    assert len(shop.server.mails) == 6


def test_there_is_nothing_to_prove_without_an_address_or_twice(shop):
    with pytest.raises(NothingToProve):
        shop.ask()
    shop.prove()

    with pytest.raises(NothingToProve):
        shop.ask()
    with pytest.raises(NothingToProve):
        shop.enter("12345678")


def test_without_a_mail_server_no_code_is_asked_for(shop, settings):
    shop.domain("allow")
    shop.set(sender_address=OWN)
    settings.MAIL_IS_SENT = False

    with pytest.raises(MailNotConfigured):
        shop.ask()


@pytest.mark.parametrize("role", ["agent", "lead", "operator"])
def test_only_admins_of_the_tenant_prove_its_address(shop, role):
    shop.domain("allow")
    shop.set(sender_address=OWN)
    person = None if role == "operator" else MemberFactory(tenant=shop.tenant, **{role: True})
    client = workbench(person.user if person else UserFactory(is_superuser=True))
    page = f"/admin/tenants/portalsettings/{shop.tenant.id}/sender-address/"

    for form in ({"ask": "1"}, {"code": "12345678"}):
        answer = client.post(page, form)
        assert [str(one) for one in answer.wsgi_request._messages][-1] == "Only admins of the tenant can do this."

    with tenant_scope(shop.tenant.id):
        assert not SenderCode.objects.exists()
        if person:
            with pytest.raises(CannotManageSettings):
                ask_for_sender_code(actor=actor(person))


def test_it_costs_a_statement_a_turn_and_none_where_no_address_is_set(shop):
    def cost(mails):
        with tenant_scope(shop.tenant.id):
            for _mail in range(mails):
                queue_reset(MemberFactory(tenant=shop.tenant, waiting=True), site="https://ondi.example")
        with CaptureQueriesContext(connection) as captured:
            send_due()
        return [one["sql"] for one in captured if "sendercode" in one["sql"]]

    assert cost(3) == []
    shop.prove()

    assert len(cost(3)) == 1


def test_old_codes_are_thrown_away_and_proofs_are_kept(shop):
    shop.domain("allow")
    shop.set(sender_address=OWN)
    shop.ask()
    assert shop.enter(shop.ask())

    with time_machine.travel(timezone.now() + timedelta(days=91)):
        forget_notifications()

    with tenant_scope(shop.tenant.id):
        assert [one.proved_at is not None for one in SenderCode.objects.all()] == [True]
    assert shop.sender() == THEIRS


@pytest.fixture
def open_policies(owner):
    """The code's wall alone."""
    tables = [f"notifications_{name}" for name in ("sendercode", "senderdomain", "suppression", "mail")]
    for table in tables:
        owner().execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    yield
    for table in tables:
        owner().execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")


def test_only_a_code_that_can_be_entered_is_said_to_be_on_its_way(shop):
    shop.domain("allow")
    shop.set(sender_address=OWN)
    shop.ask()

    with tenant_scope(shop.tenant.id):
        asked_at = [
            standing_of(tenant_id=shop.tenant.id, address=OWN, at=timezone.now() + hours).asked_at
            for hours in (0 * HOUR, 0.9 * HOUR, HOUR)
        ]
    assert [moment is not None for moment in asked_at] == [True, True, False]


def test_looking_at_the_address_of_the_form_guesses_nothing(shop):
    shop.domain("allow")
    shop.set(sender_address=OWN)
    code = shop.ask()
    client = workbench(shop.admin.user)

    for _time in range(6):
        client.get(f"/admin/tenants/portalsettings/{shop.tenant.id}/sender-address/")

    assert shop.enter(code)


def test_nothing_of_another_tenant_counts_without_the_databases_wall(open_policies, server, shop):
    other = Shop(server)
    other.prove()
    with tenant_scope(other.tenant.id):
        suppress(tenant_id=other.tenant.id, address=OWN, reason="refused")
        for number in range(4):
            SenderCode.objects.create(tenant=other.tenant, address=f"a{number}@shop.example")
    shop.set(sender_address=OWN)
    assert shop.domain("list", "") == []
    with pytest.raises(SenderDomainNotAllowed):
        shop.ask()
    with pytest.raises(CommandError, match="was not allowed"):
        shop.domain("withdraw")
    assert shop.domain("allow") == ["shop.example"]
    assert shop.sender() == OPERATORS

    with tenant_scope(shop.tenant.id):
        standing = standing_of(tenant_id=shop.tenant.id, address=OWN, at=timezone.now())
    assert (standing.proved_at, standing.asked_at, standing.is_stopped) == (None, None, False)
    with pytest.raises(SenderCodeOver):
        shop.enter("12345678")
    code = shop.ask()
    with tenant_scope(other.tenant.id):
        assert is_suppressed(tenant_id=other.tenant.id, address=OWN)
    assert shop.enter(code) is True
    assert shop.domain("withdraw") == []
    assert other.domain("list", "") == ["shop.example"]
    with tenant_scope(other.tenant.id):
        assert usable_address(tenant_id=other.tenant.id, address=OWN) == OWN


class TestTheCommand:
    @pytest.mark.parametrize(
        "domain",
        [
            "shop", "a b.example", "help@shop.example", "https://shop.example", "shop-.example", "*.example",
            "x" * 300, "..", "127.0.0.1",
        ],
    )  # fmt: skip
    def test_what_is_no_domain_is_refused_in_a_sentence(self, shop, domain):
        for what in ("allow", "withdraw"):
            with pytest.raises(CommandError, match=r"is no domain\. Name one as shop\.example\."):
                shop.domain(what, domain)
        assert shop.domain("list", "") == []

    def test_the_rest_is_refused_too(self, shop):
        with pytest.raises(CommandError, match="was not allowed"):
            shop.domain("withdraw")
        with pytest.raises(CommandError, match="need a domain"):
            shop.domain("allow", "")
        with pytest.raises(CommandError, match="need a domain"):
            shop.domain("list")
        with pytest.raises(CommandError, match="There is no tenant nobody"):
            call_command("sender_domain", "list", "--tenant=nobody")

    def test_allowing_twice_is_once_and_the_list_is_in_order(self, shop):
        for domain in ("shop.example", "a.example", "Shop.example"):
            shop.domain("allow", domain)

        assert shop.domain("list", "") == ["a.example", "shop.example"]


class TestTheScreen:
    @pytest.fixture
    def screen(self, shop):
        client, page = workbench(shop.admin.user), f"/admin/tenants/portalsettings/{shop.tenant.id}/"

        class Screen:
            def text(self):
                return " ".join(client.get(f"{page}change/").content.decode().split())

            def post(self, **form):
                answer = client.post(f"{page}sender-address/", form)
                assert (answer.status_code, answer.headers["Location"]) == (302, f"{page}change/")
                return [str(one) for one in answer.wsgi_request._messages][-1]

            def get(self):
                return client.get(f"{page}sender-address/")

        return Screen()

    def test_it_says_how_far_the_address_is_and_leads_on(self, shop, screen):
        assert "Not used" not in screen.text()
        shop.set(sender_address=OWN)
        assert "the platform operator has not allowed the domain shop.example" in screen.text()
        assert "Send a code" not in screen.text()
        assert screen.post(ask="1") == "The platform operator has not allowed the domain of this address."
        shop.domain("allow")
        assert "it has to be proved by a code" in screen.text()
        assert "Send a code" in screen.text()

        assert screen.get().status_code == 302
        assert screen.post(ask="1") == "A code is mailed to the address. Enter it below the address."
        send_due()
        assert "a code was mailed to it" in screen.text()
        assert "Send another code" in screen.text()
        assert "This is not the code." in screen.post(code="1")
        assert screen.post(code=code_in(shop.server.mails[-1])) == "Mails come from this address now."

        assert "Mails come from it. It was proved:" in screen.text()
        assert "Send another code" not in screen.text()
        history = workbench(shop.admin.user).get(f"/admin/tenants/portalsettings/{shop.tenant.id}/history/")
        assert "The sender address was proved." in history.content.decode()

    def test_a_form_sent_twice_mails_one_code(self, shop, screen):
        shop.domain("allow")
        shop.set(sender_address=OWN)
        form = "0197f0a0-0000-7000-8000-00000000000f"
        screen.post(ask="1", form_id=form)

        assert screen.post(ask="1", form_id=form) == "This was sent already; it is not sent twice."
        send_due()
        assert len(shop.server.mails) == 1

    def test_an_address_that_refuses_the_code_is_said_and_tried_again_when_asked_for(self, shop, screen):
        shop.domain("allow")
        shop.set(sender_address=OWN)
        shop.server.refuse[OWN] = "550 nobody"
        shop.ask()
        assert "a mail to it came back" in screen.text()
        del shop.server.refuse[OWN]

        assert shop.enter(shop.ask()) is True

    def test_colleagues_see_it_without_the_form(self, shop):
        shop.domain("allow")
        shop.set(sender_address=OWN)
        client = workbench(MemberFactory(tenant=shop.tenant, agent=True).user)

        page = client.get(f"/admin/tenants/portalsettings/{shop.tenant.id}/change/").content.decode()

        assert "it has to be proved by a code" in page
        assert "Send a code" not in page


class TestStoppedAddresses:
    @pytest.fixture(params=["customer", "agent"])
    def person(self, request, shop):
        more = {"agent": True} if request.param == "agent" else {}
        return MemberFactory(tenant=shop.tenant, email="layla@home.example", **more)

    def stop(self, person, reason="refused"):
        with tenant_scope(person.tenant_id):
            suppress(tenant_id=person.tenant_id, address=person.email.upper(), reason=reason)

    def is_stopped(self, person):
        with tenant_scope(person.tenant_id):
            return Suppression.objects.exists()

    @pytest.mark.parametrize(
        ("reason", "words"),
        [("refused", "its mail server refused it"), ("bounced", "they came back"), ("complained", "as unwanted")],
    )
    def test_a_persons_page_says_so_and_its_button_sends_again(self, shop, person, reason, words):
        page, client = f"/admin/accounts/membership/{person.id}/", workbench(shop.admin.user)
        assert "are stopped" not in client.get(f"{page}change/").content.decode()
        self.stop(person, reason)
        text = client.get(f"{page}change/").content.decode()
        assert words in text
        assert "Send mails again" in text

        assert client.get(f"{page}mail-again/").status_code == 302
        assert self.is_stopped(person)
        answer = client.post(f"{page}mail-again/")

        assert [str(one) for one in answer.wsgi_request._messages] == ["Mails are sent again."]
        assert not self.is_stopped(person)
        assert "are stopped" not in client.get(f"{page}change/").content.decode()
        assert "Mails are sent again." in client.get(f"{page}history/").content.decode()

    def test_who_may_not_change_the_person_sees_it_only(self, shop):
        person = MemberFactory(tenant=shop.tenant, email="layla@home.example")
        self.stop(person)
        page = f"/admin/accounts/membership/{person.id}/"
        client = workbench(MemberFactory(tenant=shop.tenant, agent=True).user)
        text = client.get(f"{page}change/").content.decode()
        assert "are stopped" in text
        assert "Send mails again" not in text

        client.post(f"{page}mail-again/")

        assert self.is_stopped(person)

    def test_another_tenants_admin_changes_nothing(self, server, shop):
        person = MemberFactory(tenant=shop.tenant, email="layla@home.example")
        self.stop(person)
        other = Shop(server)

        workbench(other.admin.user).post(f"/admin/accounts/membership/{person.id}/mail-again/")

        assert self.is_stopped(person)

    def test_somebody_without_an_address_has_a_page(self, shop):
        person = MemberFactory(tenant=shop.tenant, email=None)
        client, page = workbench(shop.admin.user), f"/admin/accounts/membership/{person.id}/"

        assert client.get(f"{page}change/").status_code == 200
        assert client.post(f"{page}mail-again/").status_code == 302
        with tenant_scope(shop.tenant.id):
            assert Membership.objects.filter(id=person.id).exists()
