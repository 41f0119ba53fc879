"""The bell: who is told something sees it on any page, without asking."""

import re

from playwright.sync_api import expect

QUEUE = "/admin/support/ticket/"
RINGS = 40_000


def test_a_customers_answer_rings_and_is_read_with_its_ticket(site, window, customer):
    ticket = customer.open_ticket("Where is my parcel")
    sara = window("agent1")
    sara.goto(f"{site.url}{QUEUE}{ticket['id']}/change/")
    sara.locator("#wb-actions").get_by_text("Claim").first.click()
    expect(sara.get_by_text("is yours.")).to_be_visible()
    sara.goto(f"{site.url}/admin/")
    count = sara.locator("#wb-bell-count")
    before = int(count.inner_text() or 0) if count.is_visible() else 0

    customer.say(ticket, "Is there any news?")

    expect(count).to_have_text(str(before + 1), timeout=RINGS)
    sara.locator("[data-bell]").click()
    line = sara.locator(".wb-told li").first
    expect(line).to_contain_text(f"New message in ticket #{ticket['number']}")
    expect(line).to_have_class(re.compile("wb-unread"))
    line.get_by_role("link").click()
    expect(sara.locator("#ticket")).to_be_visible()
    sara.goto(f"{site.url}{QUEUE}notifications/")
    expect(sara.locator(".wb-told li").first).not_to_have_class(re.compile("wb-unread"))


def test_marking_all_as_read(site, window, customer):
    ticket = customer.open_ticket("Where is my lamp")
    page = window("agent1")
    page.goto(f"{site.url}{QUEUE}{ticket['id']}/change/")
    page.locator("#wb-actions").get_by_text("Claim").first.click()
    expect(page.get_by_text("is yours.")).to_be_visible()
    page.goto(f"{site.url}/admin/")
    customer.say(ticket, "Hello?")
    expect(page.locator("#wb-bell-count")).to_be_visible(timeout=RINGS)
    page.locator("[data-bell]").click()

    page.get_by_role("button", name="Mark all as read").click()

    expect(page.get_by_text("All notifications are read.")).to_be_visible()
    expect(page.locator(".wb-told .wb-unread")).to_have_count(0)
    expect(page.locator("#wb-bell-count")).to_be_hidden()
