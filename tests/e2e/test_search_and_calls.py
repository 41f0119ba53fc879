"""One search from everywhere, and calls: a ticket for who calls, known or not, two clicks after what is typed."""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import run
from tests.e2e.test_accessible import serious_faults
from tests.e2e.test_agents_day import QUEUE, open_page, thread
from tests.e2e.test_nothing_twice_nothing_lost import sign_in_here

LOOKS = {
    "wide": {"viewport": {"width": 1280, "height": 900}},
    "phone": {"viewport": {"width": 390, "height": 844}},
    "arabic": {"viewport": {"width": 1280, "height": 900}, "locale": "ar"},
    "arabic-phone": {"viewport": {"width": 390, "height": 844}, "locale": "ar"},
}
LONG = """
from ondi.accounts.services import add_member
from ondi.tenants.scope import find_tenants, tenant_scope
(tenant_id,) = find_tenants("tigris").values()
with tenant_scope(tenant_id):
    for name in ("Wide", "عريض"):
        add_member(
            tenant_id=tenant_id, email=None, first_name=name + "W" * 146, last_name="ض" * 150, phone="+9647999000111"
        )
"""


def test_somebody_unknown_has_a_ticket_two_clicks_after_typing(site, window):
    page = window("agent1")
    page.goto(f"{site.url}/admin/support/tag/")
    page.keyboard.press("Control+k")
    page.keyboard.type("0779 888 77 66")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="New customer with a ticket").click()
    expect(page.locator("[name=phone]")).to_have_value("0779 888 77 66")
    page.fill("[name=first_name]", "Nadia")
    page.fill("[name=subject]", "Where is my sofa?")
    page.fill("[name=message]", "It was promised for yesterday.")
    page.get_by_role("button", name="Open the ticket").dblclick()

    expect(page.locator("#wb-details")).to_contain_text("taken down by Sara Kareem")
    expect(thread(page)).to_contain_text("taken down by Sara Kareem")

    page.locator("#wb-details").get_by_role("link", name="Correct").click()
    page.locator("#wb-dialog [name=last_name]").fill("Salim")
    page.locator("#wb-dialog button[type=submit]").click()
    expect(page.locator("#wb-details")).to_contain_text("Nadia Salim")

    page.keyboard.press("/")
    page.keyboard.type("+964 779 888 7766")
    page.keyboard.press("Enter")
    expect(page.locator("#wb-finds-membership")).to_contain_text("1")
    page.get_by_role("link", name="New ticket: Nadia Salim").click()
    page.fill("[name=subject]", "Again")
    page.fill("[name=message]", "Still waiting.")
    page.get_by_role("button", name="Open the ticket").click()
    expect(thread(page)).to_contain_text("Still waiting.")


def test_what_was_typed_of_somebody_new_survives_a_lost_session(site, window):
    page = window("agent1")
    page.goto(f"{site.url}{QUEUE}phone/?new=1&q=Zaynab")
    page.fill("[name=last_name]", "Karim")
    page.fill("[name=subject]", "Lost")
    page.fill("[name=message]", "All they said")
    page.context.clear_cookies()
    page.get_by_role("button", name="Open the ticket").click()
    expect(page.locator("[data-wb-lost], #login-form")).to_be_visible()
    if page.locator("[data-wb-lost]").count():
        page.get_by_role("link", name="Back to the page").click()
    sign_in_here(page, "agent1")

    for name, value in {"first_name": "Zaynab", "last_name": "Karim", "message": "All they said"}.items():
        expect(page.locator(f"[name={name}]")).to_have_value(value)
    page.get_by_role("button", name="Open the ticket").click()
    expect(page.locator("#wb-details")).to_contain_text("Zaynab Karim")


def test_a_correction_survives_a_lost_session(site, window, customer):
    page = window("agent1")
    open_page(page, site, customer.open_ticket("Misheard"))
    page.locator("#wb-details").get_by_role("link", name="Correct").click()
    page.locator("#wb-dialog [name=phone]").fill("0771 222 33 44")
    page.context.clear_cookies(name=re.compile("session"))
    page.locator("#wb-dialog button[type=submit]").click()
    sign_in_here(page, "agent1")

    expect(page.locator("#wb-dialog [name=phone]")).to_have_value("0771 222 33 44")
    page.locator("#wb-dialog button[type=submit]").click()
    expect(page.locator("#wb-details")).to_contain_text("0771 222 33 44")


@pytest.mark.parametrize("look", LOOKS)
def test_pages_hold_long_names_and_numbers(site, window, look, tmp_path):
    run(site, LONG)
    page = window("agent1", **LOOKS[look])
    page.goto(f"{site.url}{QUEUE}search/?q=wide")
    customer = page.locator(".wb-finds a.wb-button").first.get_attribute("href").partition("customer=")[2]
    for number, path in enumerate(
        (
            f"{QUEUE}search/", f"{QUEUE}search/?q=a", f"{QUEUE}search/?q=07999000111", f"{QUEUE}search/?q=" + "w" * 196,
            f"{QUEUE}search/?q=ahmed+colour:red+tag:none", f"{QUEUE}phone/?q=07999000111",
            f"{QUEUE}phone/?new=1&q=07999000111", f"{QUEUE}customer/{customer}/", QUEUE + "?q=status:x+a",
        )
    ):  # fmt: skip
        page.goto(site.url + path)
        page.wait_for_timeout(300)
        page.screenshot(path=Path(os.environ.get("PICTURES", tmp_path)) / f"{look}-{number}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
        assert serious_faults(page) == [], path
