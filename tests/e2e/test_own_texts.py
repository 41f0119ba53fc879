"""An admin writes what customers are told, looks at it, keeps it; a customer is told it."""

import json
import re
import urllib.request

import pytest
from playwright.sync_api import expect

from tests.e2e.test_accessible import serious_faults

TEXTS = "/admin/notifications/notificationtext/"


def told(customer, language):
    """What stands first in the customer's list."""
    request = urllib.request.Request(
        f"{customer.url}/messaging/notifications?language={language}",
        headers={"Authorization": f"Bearer {customer.token}"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        found = json.load(answer)["data"]["notifications"]
    return (found[0]["title"], found[0]["message"]) if found else None


@pytest.fixture
def admin(window, site):
    page = window("admin")
    page.goto(site.url + TEXTS)
    return page


def test_what_an_admin_writes_is_what_a_customer_reads(site, window, admin, customer):
    admin.get_by_role("link", name="Change: Answer to ticket #1042, In the app").click()
    admin.get_by_label("Title (English)").fill("{tenant} answered #{ticket_number}")
    admin.get_by_label("Message (Arabic)").fill("عن {ticket_subject}")
    admin.get_by_role("button", name="Preview").click()
    preview = admin.locator(".wb-texts-preview")
    expect(preview.locator("[lang=en]")).to_contain_text("answered #1042")
    expect(preview.locator("[lang=ar]")).to_contain_text("عن أين طلبي؟")
    assert serious_faults(admin) == []
    admin.get_by_role("button", name="Save").click()
    expect(admin.get_by_text("Saved.")).to_be_visible()

    ticket = customer.open_ticket("Where is my lamp")
    agent = window("agent1")
    agent.goto(f"{site.url}/admin/support/ticket/{ticket['id']}/change/")
    agent.locator("#wb-actions").get_by_text("Claim").first.click()
    expect(agent.get_by_text("is yours.")).to_be_visible()
    agent.locator("[data-draft=reply]").fill("It comes today.")
    agent.get_by_role("button", name="Send", exact=True).click()
    expect(agent.get_by_text("Sent.")).to_be_visible()

    for _time in range(100):
        if found := told(customer, "en"):
            break
        agent.wait_for_timeout(100)
    title, message = found
    assert re.fullmatch(rf".+ answered #{ticket['number']}", title)
    assert message == "Where is my lamp"
    assert told(customer, "ar")[1] == "عن Where is my lamp"

    admin.get_by_role("link", name="Change: Answer to ticket #1042, In the app").click()
    admin.get_by_role("button", name="Back to the built-in texts").click()
    expect(admin.get_by_text("Saved.")).to_be_visible()
    assert told(customer, "en")[0] == f"Answer to ticket #{ticket['number']}"


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize(("scheme", "language"), [("light", "en"), ("dark", "en"), ("light", "ar")])
def test_the_mail_is_seen_before_it_is_kept(site, window, tmp_path, width, scheme, language):
    page = window("admin", color_scheme=scheme, locale=language, viewport={"width": width, "height": 900})
    page.goto(site.url + TEXTS)
    page.wait_for_timeout(600)  # colours fade in
    page.screenshot(path=tmp_path / "list.png", full_page=True)
    assert serious_faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")

    page.locator("a[href*='/support_reply/email/']").click()
    page.locator("[name=title_ar]").fill("خبر عن #{ticket_number} <b>")
    page.locator("[name=message_en]").fill("Look {here")
    page.locator("[name=preview]").click()
    expect(page.locator(".wb-field .wb-fault")).to_have_count(1)
    page.locator("[name=message_en]").fill("Look here.\nThank you, {tenant}.")
    page.locator("[name=preview]").click()
    expect(page.locator(".wb-field .wb-fault")).to_have_count(0)

    arabic, english = (page.frame_locator("iframe").nth(number) for number in (1, 0))
    expect(arabic.locator("h1")).to_have_text("خبر عن #1042 <b>")
    assert arabic.locator("h1").evaluate("one => getComputedStyle(one).direction") == "rtl"
    expect(english.locator("p", has_text="Look here.")).to_be_visible()
    for number in range(4):
        expect(page.frame_locator("iframe").nth(number).locator("h1")).to_contain_text("1042")
    page.locator("iframe").last.scroll_into_view_if_needed()
    page.wait_for_timeout(600)
    page.screenshot(path=tmp_path / "last.png")
    page.screenshot(path=tmp_path / "edit.png", full_page=True)
    assert serious_faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
