"""What is written follows its writer, and what is sent can be taken back for a while."""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import run
from tests.e2e.test_agents_day import QUEUE, open_page, thread

MACRO = """
from ondi.tenants.scope import find_tenants, tenant_scope
from support.models import Macro
tenant = find_tenants("tigris")["tigris"]
said = [("priority", {"priority": "urgent"}), ("reply", {"content": "It is settled."}), ("close", {})]
steps = [{"action": action, "values": values} for action, values in said]
with tenant_scope(tenant):
    Macro.objects.get_or_create(tenant_id=tenant, name="Urgent and closed", defaults={"key": 9, "steps": steps})
"""
KEPT = "document.querySelector('[data-draft=reply]').dataset.draft && Object.keys(localStorage).length"


@pytest.fixture(autouse=True)
def waits(site):
    """The second agent can take back what they send; all others of these tests send at once."""
    choose = (
        "from ondi.accounts.models import User; User.objects.filter(email='agent2@tigris.demo').update(send_wait={})"
    )
    run(site, choose.format(10))
    yield
    run(site, choose.format(0))


@pytest.fixture
def page(window):
    return window("agent2")


def picture(page, name, folder="."):
    if "PICTURES" in os.environ:
        page.screenshot(path=Path(os.environ["PICTURES"]) / f"drafts-{name}.png")


def answer(page):
    return page.locator("#wb-reply textarea")


def saved(page, words):
    with page.expect_response("**/draft/") as answered:
        answer(page).fill(words)
    assert answered.value.ok


def test_a_draft_follows_its_writer_and_outlives_the_session(site, page, window, customer):
    ticket = customer.open_ticket("Follows")
    open_page(page, site, ticket)
    saved(page, "Half a sentence")
    page.goto(f"{site.url}/admin/")
    page.evaluate("[...document.forms].find((form) => form.action.includes('logout')).submit()")
    page.wait_for_url("**/logout/")

    elsewhere = window("agent2")
    open_page(elsewhere, site, ticket)

    expect(answer(elsewhere)).to_have_value("Half a sentence")


def test_while_the_network_is_gone_the_browser_keeps_it(site, page, customer):
    ticket = customer.open_ticket("Offline")
    open_page(page, site, ticket)
    saved(page, "Known to the server")
    page.context.set_offline(True)
    answer(page).fill("Known to the server, and more")
    expect(page.locator("#wb-lost")).to_be_visible(timeout=10_000)
    page.route("**/draft/", lambda route: route.abort())  # as if the server were away for longer
    page.context.set_offline(False)
    page.reload()

    expect(answer(page)).to_have_value("Known to the server, and more")


def test_the_other_page_is_told_what_it_replaced(site, page, customer):
    ticket = customer.open_ticket("Two pages")
    open_page(page, site, ticket)
    other = page.context.new_page()
    open_page(other, site, ticket)
    saved(page, "From the first")
    saved(other, "From the second")

    expect(other.locator("#wb-reply [data-other]")).to_contain_text("From the first")
    picture(other, "other")


def test_what_is_sent_waits_is_counted_down_and_goes(site, page, customer):
    ticket = customer.open_ticket("Waits")
    open_page(page, site, ticket)
    answer(page).fill("It comes today.")
    page.keyboard.press("Control+Enter")

    waiting = thread(page).locator(".wb-waits")
    expect(waiting).to_contain_text("It comes today.")
    expect(waiting.locator("[data-left]")).to_have_text(re.compile("^[89]$"))
    picture(page, "waits")
    expect(answer(page)).to_have_value("")
    expect(thread(page).locator(".wb-said.wb-agent:not(.wb-waits)")).to_contain_text("It comes today.", timeout=20_000)
    expect(waiting).to_have_count(0)
    expect(page.locator(".wb-toast")).to_contain_text(f"#{ticket['number']}: sent.")


def test_it_is_taken_back_by_a_key_on_the_next_page(site, page, customer):
    ticket = customer.open_ticket("Taken back")
    open_page(page, site, ticket)
    answer(page).fill("Too early")
    page.select_option("[data-then]", "list")
    page.keyboard.press("Control+Shift+Enter")
    expect(page.locator("#wb-tabs")).to_be_visible()
    toast = page.locator(".wb-toast")
    expect(toast).to_contain_text(f"#{ticket['number']}: sent and closed in")
    picture(page, "toast")

    page.locator("body").press("Control+z")

    expect(answer(page)).to_have_value("Too early")
    expect(answer(page)).to_be_focused()
    answer(page).fill("In time")
    page.select_option("[data-then]", "stay")
    page.keyboard.press("Control+Enter")
    expect(thread(page).locator(".wb-waits")).to_contain_text("In time")


def test_a_macro_waits_as_well_and_is_undone_afterwards(site, page, customer):
    run(site, MACRO)
    ticket = customer.open_ticket("A macro that waits")
    open_page(page, site, ticket)
    page.keyboard.press("9")
    page.locator("#wb-dialog").get_by_role("button", name="Apply").press("Enter")
    expect(thread(page).locator(".wb-waits")).to_contain_text("“Urgent and closed” in")
    picture(page, "macro-waits")
    page.locator("body").press("Control+z")
    expect(page.locator(".wb-toast")).to_contain_text("Taken back: nothing was done.")
    expect(page.locator("#wb-state")).not_to_contain_text("Closed")
    page.wait_for_load_state()  # before it no key is heard

    page.keyboard.press("9")
    page.locator("#wb-dialog").get_by_role("button", name="Apply").press("Enter")
    expect(thread(page).locator(".wb-waits")).to_be_visible()
    page.goto(f"{site.url}{QUEUE}")
    expect(page.locator(".wb-toast")).to_contain_text("“Urgent and closed” is done.", timeout=20_000)
    picture(page, "macro-done")
    page.locator(".wb-toast").get_by_text("Undo").click()

    expect(page.locator(".wb-toast")).to_contain_text("Undone on 1 ticket. What it wrote is out.")
    expect(page.locator("#wb-state")).not_to_contain_text("Closed")
    expect(thread(page)).to_contain_text("It is settled.")


def test_who_closes_the_browser_has_sent_it_and_a_crossed_one_comes_back(site, window, customer):
    first, second = customer.open_ticket("Closed browser"), customer.open_ticket("Crossed")
    page = window("agent2")
    for ticket in (first, second):
        open_page(page, site, ticket)
        answer(page).fill("On its way.")
        page.keyboard.press("Control+Enter")
        expect(thread(page).locator(".wb-waits")).to_be_visible()
    customer.say(second, "I was quicker")
    page.context.close()
    page = window("agent2")
    page.goto(f"{site.url}{QUEUE}")

    expect(page.locator(".wb-toast", has_text=f"#{second['number']} was not sent")).to_be_visible(timeout=20_000)
    picture(page, "refused")
    page.locator(".wb-toast a", has_text=f"#{second['number']} was not sent").click()
    expect(answer(page)).to_have_value("On its way.")
    expect(page.get_by_text("Not sent yet: something changed while you were writing.")).to_be_visible()
    open_page(page, site, first)
    expect(thread(page)).to_contain_text("On its way.")


@pytest.mark.parametrize("locale", ["en", "ar"])
def test_on_a_phone_nothing_scrolls_sideways(site, window, customer, locale):
    ticket = customer.open_ticket("W" * 196)
    page = window("agent2", locale=locale, viewport={"width": 390, "height": 800})
    open_page(page, site, ticket)
    answer(page).fill("W" * 500)
    page.locator("#wb-reply [data-send]").click()
    expect(thread(page).locator(".wb-waits")).to_be_visible()
    too_wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(too_wide) == 0
    picture(page, f"phone-{locale}")
    page.goto(f"{site.url}{QUEUE}own-settings/")
    expect(page.locator("[name=send_wait]")).to_have_value("10")
    assert page.evaluate(too_wide) == 0
    picture(page, f"settings-{locale}")
    page.goto(f"{site.url}{QUEUE}")
    expect(page.locator(".wb-toast", has_text=f"#{ticket['number']}")).to_be_visible()
    assert page.evaluate(too_wide) == 0
    picture(page, f"phone-toast-{locale}")
