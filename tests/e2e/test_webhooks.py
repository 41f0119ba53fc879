"""An admin at the screens of webhooks: made, tested, broken, replayed and rotated, as a person sees it."""

import os
import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import Customer, run
from tests.e2e.test_accessible import serious_faults
from tests.webhooks.world import Program, running

LIST, DELIVERIES = "/admin/webhooks/endpoint/", "/admin/webhooks/webhookdelivery/"
SECRET = re.compile(r"whsec_[A-Za-z0-9+/]{43}=")
SOON = 20_000
WIDE, PHONE = {"viewport": {"width": 1280, "height": 900}}, {"viewport": {"width": 390, "height": 844}}
LOOKS = {
    "wide": WIDE, "dark": {**WIDE, "color_scheme": "dark"}, "phone": PHONE, "arabic": {**PHONE, "locale": "ar"},
    "arabic-dark": {**WIDE, "locale": "ar", "color_scheme": "dark"},
}  # fmt: skip
FORGET = """
from ondi.webhooks.models import Breaker, Endpoint
from ondi.tenants.scope import find_tenants, tenant_scope
(tenant_id,) = find_tenants("tigris").values()
with tenant_scope(tenant_id):
    Endpoint.objects.all().delete()
    Breaker.objects.all().delete()
"""
FILL = """
from ondi.accounts.entering import acting_as
from ondi.accounts.models import Membership
from ondi.tenants.scope import find_tenants, tenant_scope
from ondi.webhooks.services import MOST_ENDPOINTS, create_endpoint
(tenant_id,) = find_tenants("tigris").values()
with tenant_scope(tenant_id):
    people = Membership.objects.select_related("user", "tenant__portal_settings")
    admin = acting_as(people.get(user__email="admin@tigris.demo"))
    for number in range(MOST_ENDPOINTS):
        create_endpoint(actor=admin, values={"url": f"https://platform.example/{number}", "events": ["*"]})
"""
# All pauses of the schedule pass at once: what waits is tried for the last time.
DAYS_PASS = """
from django.utils import timezone
from ondi.webhooks.models import WebhookDelivery
from ondi.webhooks.schedule import PAUSES
from ondi.tenants.scope import find_tenants, tenant_scope
(tenant_id,) = find_tenants("tigris").values()
with tenant_scope(tenant_id):
    WebhookDelivery.objects.filter(state="waiting").update(failures=len(PAUSES), next_at=timezone.now())
"""


@pytest.fixture(autouse=True)
def no_webhooks(site):
    run(site, FORGET)


@pytest.fixture
def program():
    """What the tenant runs on this machine, and its address."""
    theirs = Program(body=b"thanks")
    with running(theirs) as port:
        theirs.url = f"http://127.0.0.1:{port}/hook"
        yield theirs


def looked_at(page, name, folder):
    page.wait_for_timeout(600)  # colours fade in
    page.screenshot(path=Path(os.environ.get("PICTURES", folder)) / f"webhooks-{name}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name
    assert serious_faults(page) == [], name


def make(page, site, address):
    """Add a webhook by its form, with the keyboard; the page of it shows the secret."""
    page.goto(f"{site.url}{LIST}add/")
    page.locator("[name=url]").focus()
    page.keyboard.type(address)
    page.keyboard.press("Enter")
    page.wait_for_url("**/change/**")


def press(page, name):
    """A button, by the keyboard."""
    page.get_by_role("button", name=name, exact=True).focus()
    page.keyboard.press("Enter")


def calls(page):
    return page.locator("#webhook-calls")


def wait_until(true, seconds=30):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.2)


def test_made_tested_broken_and_replayed(site, window, program, tmp_path):
    page = window("admin", **WIDE)
    make(page, site, program.url)
    own = page.url
    secret = SECRET.search(page.content()).group()
    looked_at(page, "made", tmp_path)
    page.reload()
    assert not SECRET.search(page.content())

    press(page, "Send a test")
    expect(page.get_by_text("The test is on its way.")).to_be_visible()
    expect(calls(page).get_by_text("delivered")).to_be_visible(timeout=SOON)  # without loading it again
    calls(page).get_by_role("link", name="webhook.test").click()
    expect(page.get_by_text("200", exact=True)).to_be_visible()
    looked_at(page, "tested", tmp_path)

    program.status, program.body = 500, b"out of order"
    customer = Customer(site.url, "customer5@tigris.demo")
    ticket = customer.open_ticket("What the program is told of")
    wait_until(lambda: len(program.got) >= 2)
    page.goto(own)
    expect(page.locator("#webhook-state")).to_have_text("failing", timeout=SOON)
    line = calls(page).locator("li", has_text="ticket.opened")
    expect(line).to_contain_text("waiting")
    expect(line).to_contain_text(f"#{ticket['number']}")
    looked_at(page, "failing", tmp_path)
    page.goto(site.url + LIST)
    expect(page.locator("#result_list tbody tr", has_text=program.url)).to_contain_text("failing")

    run(site, DAYS_PASS)
    page.goto(own)
    page.get_by_role("link", name="All that was sent to it").click()
    given_up = page.locator("#result_list tbody tr", has_text="given up")
    reload_until(page, given_up, at_least=2)
    looked_at(page, "deliveries", tmp_path)
    dead = given_up.count()
    given_up.filter(has_text="ticket.opened").get_by_role("link").first.click()
    expect(page.get_by_text("The program answered with an error.").first).to_be_visible()
    expect(page.get_by_text(f'"ticket_number": {ticket["number"]}')).to_be_visible()
    looked_at(page, "given-up", tmp_path)

    program.status, before = 200, len(program.got)
    press(page, "Send again")
    expect(page.get_by_text("1 is sent again.")).to_be_visible()
    wait_until(lambda: len(program.got) == before + 1)
    page.goto(own)
    press(page, "Send again all that were given up")
    expect(page.get_by_text(re.compile(r"(is|are) sent again\."))).to_be_visible()
    wait_until(lambda: len(program.got) == before + dead)
    page.reload()
    expect(page.locator("#webhook-state")).to_have_text("active")

    page.locator("[name=since]:not([type=hidden])").fill("2026-01-01T00:00")
    press(page, "Send again")
    expect(page.get_by_text("Since: This value is too small.")).to_be_visible()

    press(page, "Rotate the secret")
    expect(page.get_by_text("The secret, shown only now")).to_be_visible()
    assert SECRET.search(page.content()).group() != secret
    expect(page.get_by_text("The secrets before this one sign too until")).to_be_visible()
    looked_at(page, "rotated", tmp_path)


def reload_until(page, rows, *, at_least):
    for _time in range(30):
        if rows.count() >= at_least:
            return
        page.wait_for_timeout(700)
        page.reload()
    raise AssertionError(page.locator("#result_list").inner_text())


@pytest.mark.parametrize("look", LOOKS)
def test_each_screen_at_each_look(site, window, program, look, tmp_path):
    page = window("admin", **LOOKS[look])
    page.goto(site.url + LIST)
    looked_at(page, f"none-{look}", tmp_path)
    page.goto(f"{site.url}{LIST}add/")
    looked_at(page, f"form-{look}", tmp_path)
    make(page, site, program.url)
    assert SECRET.search(page.locator("bdi[dir=ltr]", has_text="whsec_").inner_text())
    for summary in page.locator(".wb-webhook summary").all()[1:]:
        summary.focus()
        page.keyboard.press("Enter")
    for word in ("hashlib", "timingSafeEqual", "hash_hmac", "openssl dgst"):
        expect(page.locator(".wb-program", has_text=word)).to_be_visible()
    looked_at(page, f"page-{look}", tmp_path)
    page.locator(".wb-webhook button[value=test]").click()
    expect(calls(page).locator(".wb-open")).to_be_visible(timeout=SOON)
    calls(page).locator("li a").first.click()
    looked_at(page, f"delivery-{look}", tmp_path)
    page.goto(site.url + DELIVERIES)
    looked_at(page, f"deliveries-{look}", tmp_path)
    page.goto(site.url + LIST)
    looked_at(page, f"list-{look}", tmp_path)


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("http://10.0.0.1/hook", "This address is not allowed."),
        ("https://10.0.0.1/hook", "This address is not allowed."),
        ("https://me:secret@platform.example/", "This address is not allowed."),
        ("https://platform.example/" + "x" * 3_000, "at most 2000 characters"),
        ("platform", "This value is not valid."),
    ],
)
def test_an_address_that_does_not_do_is_told_beside_it_and_stays(site, window, address, sentence):
    page = window("admin", **PHONE)
    page.goto(f"{site.url}{LIST}add/")
    page.fill("[name=url]", address)
    page.keyboard.press("Enter")

    expect(page.get_by_text(sentence)).to_be_visible()
    expect(page.locator("[name=url]")).to_have_value(address)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert serious_faults(page) == []


def test_there_is_no_twenty_first(site, window):
    run(site, FILL)
    page = window("admin", **WIDE)
    page.goto(f"{site.url}{LIST}add/")
    page.fill("[name=url]", "https://platform.example/20")
    page.keyboard.press("Enter")

    expect(page.get_by_text("There are as many webhooks as a tenant may have.")).to_be_visible()
    page.goto(site.url + LIST)
    expect(page.locator("#result_list tbody tr")).to_have_count(20)


def test_a_test_pressed_twice_is_sent_once(site, window, program):
    page = window("admin", **WIDE)
    make(page, site, program.url)

    page.get_by_role("button", name="Send a test").dblclick()

    expect(calls(page).get_by_text("delivered")).to_be_visible(timeout=SOON)
    expect(calls(page).locator("li")).to_have_count(1)
    assert len(program.got) == 1


def test_the_back_button_shows_no_secret(site, window, program):
    page = window("admin", **WIDE)
    make(page, site, program.url)
    secret = SECRET.search(page.content()).group()

    page.goto(site.url + LIST)
    for _page in ("its own", "the form"):
        page.go_back()
        assert secret not in page.content()


def test_two_tabs_rotate_once_and_the_second_is_told(site, window, program):
    page = window("admin", **WIDE)
    make(page, site, program.url)
    other = page.context.new_page()
    other.goto(page.url)

    page.get_by_role("button", name="Rotate the secret").click()
    other.get_by_role("button", name="Rotate the secret").click()

    expect(other.get_by_text("The secret was rotated a moment ago")).to_be_visible()
    expect(other.get_by_text("The secrets before this one sign too until")).to_be_visible()
    assert SECRET.search(page.content())
    assert not SECRET.search(other.content())


def test_a_key_is_rotated(site, window, tmp_path):
    """The other screen of what is shown once."""
    for look in LOOKS:
        page = window("admin", **LOOKS[look])
        page.goto(f"{site.url}/admin/accounts/apikey/add/")
        looked_at(page, f"key-form-{look}", tmp_path)
        page.fill("[name=name]", f"The platform, {look}")
        page.keyboard.press("Enter")
        key = page.locator("bdi[dir=ltr]", has_text=re.compile("^od_"))
        expect(key).to_be_visible()
        first = key.inner_text()
        looked_at(page, f"key-made-{look}", tmp_path)
        page.locator("#result_list tbody a", has_text=f"The platform, {look}").click()
        looked_at(page, f"key-{look}", tmp_path)
        page.locator("a[href$='/rotate/']").click()
        looked_at(page, f"key-rotate-{look}", tmp_path)
        page.locator("main button[type=submit], form button[type=submit]").last.click()
        expect(key).to_be_visible()
        assert key.inner_text() != first
        looked_at(page, f"key-rotated-{look}", tmp_path)
