"""Mails as those see them who get them: by a real mail server, in a real browser."""

import time
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import Customer, run
from tests.e2e.test_accessible import serious_faults

QUEUE = "/admin/support/ticket/"
DUE = """
from datetime import timedelta
from django.utils import timezone
from ondi.notifications.models import Dispatch, Notification
from ondi.tenants.scope import find_tenants, tenant_scope
now = timezone.now()
for tenant_id in find_tenants().values():
    with tenant_scope(tenant_id):
        Notification.objects.update(shown_at=now - timedelta(minutes=10))
        Dispatch.objects.filter(channel="email", state="waiting").update(due_at=now)
"""
SPEAKS = """
from ondi.accounts.models import Membership
from ondi.tenants.scope import find_tenants, tenant_scope
(tenant_id,) = find_tenants("tigris").values()
with tenant_scope(tenant_id):
    Membership.objects.filter(email="{email}").update(language="{language}")
"""


@pytest.fixture
def answered(site, window, mail_server):
    """`answered(customer)`: the mail about an answer that this customer, who speaks so, gets."""
    server, _port = mail_server

    def by(person, language, words="We send another one today."):
        run(site, SPEAKS.format(email=person, language=language))
        customer, page = Customer(site.url, person), window("agent1")
        ticket = customer.open_ticket("Where is my lamp")
        page.goto(f"{site.url}{QUEUE}{ticket['id']}/change/")
        page.locator("#wb-actions").get_by_text("Claim").first.click()
        expect(page.get_by_text("is yours.")).to_be_visible()
        page.locator("[data-draft=reply]").fill(words)
        page.get_by_role("button", name="Send", exact=True).click()
        expect(page.get_by_text("Sent.")).to_be_visible()
        before = len(server.to(person))
        return lambda: next_mail(site, server, person, before)

    return by


def next_mail(site, server, person, before):
    """Made due at once; None where none came in ten seconds."""
    run(site, DUE)
    for _time in range(100):
        if len(found := server.to(person)) > before:
            return found[-1]
        time.sleep(0.1)
    return None


@pytest.mark.parametrize(
    ("person", "language", "button"),
    [
        ("customer3@tigris.demo", "en", "No more of these mails"),
        ("customer4@tigris.demo", "ar", "لا مزيد من هذه الرسائل"),
    ],
)
def test_the_mail_of_an_answer_can_be_read_by_everybody(site, browser, answered, person, language, button, tmp_path):
    mail = answered(person, language)()
    file = Path(tmp_path) / "mail.html"
    file.write_text(mail.get_body(("html",)).get_content())
    for width in (390, 800):
        page = browser.new_page(viewport={"width": width, "height": 800})
        page.goto(file.as_uri())
        expect(page.get_by_role("link", name=button)).to_be_visible()
        assert page.evaluate("getComputedStyle(document.querySelector('h1')).direction") == (
            "rtl" if language == "ar" else "ltr"
        )
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        page.screenshot(path=tmp_path / f"{language}-{width}.png")
        assert serious_faults(page) == []
        page.close()


def test_looking_at_the_page_ends_nothing_and_its_button_does(site, browser, answered):
    person = "customer1@tigris.demo"
    mail = answered(person, "en")()
    link = mail["List-Unsubscribe"].strip(" <>")
    page = browser.new_page()
    page.goto(link)
    assert wished(site, person) == "[]"
    assert serious_faults(page) == []

    page.get_by_role("button", name="No more mails").click()

    expect(page.get_by_text("You get no more mails about your tickets")).to_be_visible()
    assert "off" in wished(site, person)
    page.close()


def test_quiet_hours_hold_a_mail_back(site, mail_server, answered):
    person = "customer2@tigris.demo"
    run(site, QUIET.format(email=person))

    assert answered(person, "en")() is None


def wished(site, person):
    return run(site, WISHED.format(email=person)).strip()


WISHED = """
from ondi.notifications.models import NotificationPreferences
from ondi.tenants.scope import find_tenants, tenant_scope
(tenant_id,) = find_tenants("tigris").values()
with tenant_scope(tenant_id):
    print([one.types for one in NotificationPreferences.objects.filter(membership__email="{email}")])
"""
QUIET = """
from datetime import timedelta
from django.utils import timezone
from ondi.accounts.models import Membership
from ondi.notifications.models import NotificationPreferences
from ondi.tenants.scope import find_tenants, tenant_scope
(tenant_id,) = find_tenants("tigris").values()
now = timezone.now()
hours = dict(zip(("from", "to"), ((now + timedelta(hours=one)).strftime("%H:%M") for one in (-1, 2))), time_zone="UTC")
with tenant_scope(tenant_id):
    member = Membership.objects.get(email="{email}")
    NotificationPreferences.objects.create(tenant_id=tenant_id, membership=member, quiet_hours=hours)
"""
