"""Ready texts in the composer: found while typing, taken back, searched by thumb, and stopped where one is open."""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import run
from tests.e2e.test_accessible import serious_faults

QUEUE = "/admin/support/ticket/"
FILL = """
from support.models import CannedReply, Macro, Tag
from ondi.tenants.scope import find_tenants, tenant_scope
tenant = find_tenants("tigris")["tigris"]
with tenant_scope(tenant):
    for shortcut, folder, language, content in (
        ("late", "Deliveries", "en", "Sorry, {customer_first_name}. Your parcel is late.\\nIt comes tomorrow."),
        ("late", "Deliveries", "ar", "نعتذر عن تأخر الطرد."),
        ("refund", "Money", "en", "We refund {order_number} today."),
        ("money-back", "Money", "en", "About {order_number|your order}: the money is back in three days."),
        ("x" * 40, "y" * 60, "en", "z" * 196),
    ):
        CannedReply.objects.update_or_create(
            tenant_id=tenant, shortcut=shortcut, language=language, owner=None,
            defaults={"folder": folder, "content": content})
    tag = str(Tag.objects.get(name="refund").id)
    words = "Dear {customer_first_name}, the money for {order_number|your order} is on its way."
    for name, folder, key, steps in (
        ("Refund and close", "Money", 1, (
            ("priority", {"priority": "low"}), ("tags", {"add": [tag]}), ("reply", {"content": words}), ("close", {}))),
        ("Urgent for the leads", "", 2, (("priority", {"priority": "urgent"}), ("note", {"content": "Please look."}))),
        ("w" * 60, "q" * 60, None, (("snooze", {"until": "1d"}), ("note", {"content": "z" * 196}))),
    ):
        Macro.objects.get_or_create(tenant_id=tenant, name=name, owner=None, defaults={
            "folder": folder, "key": key, "steps": [{"action": one, "values": values} for one, values in steps]})
"""


@pytest.fixture
def texts(site):
    run(site, FILL)


def open_ticket(page, site, ticket):
    page.goto(f"{site.url}{QUEUE}{ticket['id']}/change/")


def picture(page, name):
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png")


def test_a_slash_offers_filters_inserts_and_is_taken_back(site, window, customer, texts):
    page = window("agent1")
    open_ticket(page, site, customer.open_ticket("Where is my parcel"))
    page.keyboard.press("r")
    reply, offered = page.locator("#wb-reply-text"), page.locator("#wb-reply-texts")
    options = offered.get_by_role("option")

    page.keyboard.type("Well, 1/2 /")
    expect(options.first).to_have_attribute("aria-selected", "true")
    assert options.count() > 3
    picture(page, "slash")
    page.keyboard.type("parcel tom")
    expect(options).to_have_count(1)
    expect(reply).to_have_attribute("aria-activedescendant", options.first.get_attribute("id"))
    expect(page.locator("#wb-reply-texts-found")).to_contain_text("Canned replies found: 1")
    page.keyboard.press("Enter")
    expect(reply).to_have_value("Well, 1/2 Sorry, Mina. Your parcel is late.\nIt comes tomorrow.")
    expect(offered).to_be_hidden()
    page.keyboard.press("Control+z")
    expect(reply).to_have_value("Well, 1/2 /parcel tom")
    expect(offered).to_be_hidden()
    page.keyboard.press("Control+Shift+z")
    expect(reply).to_have_value("Well, 1/2 Sorry, Mina. Your parcel is late.\nIt comes tomorrow.")

    reply.fill("")
    page.keyboard.type("/deliv")
    expect(options.first).to_contain_text("/late")
    page.keyboard.press("Escape")
    expect(offered).to_be_hidden()
    expect(reply).to_be_focused()
    page.keyboard.type("e /money")
    expect(options.first).to_contain_text("/money-back")
    page.keyboard.press("ArrowDown")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Tab")
    expect(reply).to_have_value("/delive About your order: the money is back in three days.")


def test_what_is_left_open_is_marked_and_stops_the_answer(site, window, customer, texts):
    page = window("agent1")
    open_ticket(page, site, customer.open_ticket("Money back"))
    page.keyboard.press("r")
    page.keyboard.type("/refund")
    page.keyboard.press("Enter")

    reply, said = page.locator("#wb-reply-text"), page.get_by_text("Fill in or remove before it can be sent")
    expect(said).to_have_text("Fill in or remove before it can be sent: {order_number}")
    assert reply.evaluate("text => text.value.slice(text.selectionStart, text.selectionEnd)") == "{order_number}"
    picture(page, "left_open")
    reply.press("End")
    page.keyboard.press("Control+Enter")
    assert reply.evaluate("text => text.value.slice(text.selectionStart, text.selectionEnd)") == "{order_number}"
    page.keyboard.type("A-17")
    expect(said).to_be_hidden()
    page.keyboard.press("Control+Enter")
    expect(page.locator("#wb-thread .wb-agent")).to_contain_text("We refund A-17 today.")


def test_by_a_key_of_its_own_on_any_layout_in_a_note_and_by_thumb(site, window, customer, texts):
    page = window("agent1", locale="ar", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    open_ticket(page, site, customer.open_ticket("On the way"))
    page.locator("[data-mode=note]").tap()
    note = page.locator("#wb-note-text")
    note.dispatch_event("keydown", {"code": "Slash", "key": "ظ", "ctrlKey": True, "bubbles": True})
    expect(page.locator("#wb-note-texts").get_by_role("option").first).to_be_visible()
    picture(page, "slash_ar_390")
    page.keyboard.type("late")
    page.locator("#wb-note-texts").get_by_role("option").first.tap()
    expect(note).to_have_value("Sorry, Mina. Your parcel is late.\nIt comes tomorrow.")

    note.fill("")
    page.locator(".wb-canned summary").tap()
    search = page.locator(".wb-canned [data-narrow]")
    expect(search).to_be_focused()
    picture(page, "texts_ar_390")
    page.keyboard.type("money")
    expect(page.locator(".wb-canned [data-canned]:visible")).to_have_count(2)
    page.keyboard.press("Enter")
    expect(note).to_have_value(re.compile("money is back|We refund"))
    expect(note).to_be_focused()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_macro_is_found_shown_and_applied_by_keyboard(site, window, customer, texts):
    page = window("agent1")
    open_ticket(page, site, customer.open_ticket("Money back, please"))
    page.keyboard.press("m")
    dialog = page.locator("#wb-dialog")
    expect(dialog.locator("[data-narrow]")).to_be_focused()
    picture(page, "macros")
    page.keyboard.type("money reply")
    expect(dialog.locator("li:visible")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(dialog.locator("ol")).to_contain_text("Dear Mina, the money for your order is on its way.")
    expect(dialog.get_by_role("button", name="Apply")).to_be_focused()
    picture(page, "macro")
    page.keyboard.press("Enter")

    expect(page.get_by_text("“Refund and close” is done.")).to_be_visible()
    expect(page.locator("#wb-thread .wb-agent")).to_contain_text("Dear Mina, the money for your order")
    expect(page.locator("#wb-state")).to_contain_text("Closed")
    expect(page.locator("#wb-state")).to_contain_text("refund")


def test_a_digit_opens_its_macro_and_arrows_walk_the_list_in_arabic_on_a_phone(site, window, customer, texts):
    page = window("agent1", locale="ar", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    open_ticket(page, site, customer.open_ticket("Look at this"))
    page.keyboard.press("2")
    dialog = page.locator("#wb-dialog")
    expect(dialog.locator("h2")).to_have_text("Urgent for the leads")
    picture(page, "macro_ar_390")
    page.keyboard.press("Escape")
    page.locator("[data-macros]").tap()
    expect(dialog.locator("[data-narrow]")).to_be_focused()
    picture(page, "macros_ar_390")
    page.keyboard.press("ArrowDown")
    expect(dialog.locator("li a").first).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(dialog.locator("li a").nth(1)).to_be_focused()
    assert dialog.evaluate("one => one.scrollWidth <= one.clientWidth")
    dialog.locator("li a", has_text="Urgent").tap()
    dialog.locator("button[type=submit]").tap()
    expect(page.locator("#wb-thread .wb-note")).to_contain_text("Please look.")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize("width", [1280, 390])
def test_agents_make_one_themselves(site, window, customer, texts, width):
    page = window("agent2", viewport={"width": width, "height": 900})
    page.goto(f"{site.url}/admin/support/macro/add/")
    page.fill("[name=name]", f"Late {width}")
    page.locator("[name=reply_content]").fill("Sorry, {customer_first_name}.")
    page.locator("[name=priority_priority]").select_option("high")
    picture(page, f"macro_form_{width}")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.locator("[name=_save]").click()
    page.wait_for_url("**/support/macro/")
    expect(page.locator("#result_list")).to_contain_text("Priority · Reply")
    picture(page, f"macro_list_{width}")
    assert page.locator("#result_list").evaluate("one => one.scrollWidth <= one.parentElement.clientWidth")
    page.goto(f"{site.url}/admin/support/ticket/?tab=open")
    page.locator("input.action-select").first.check()
    page.locator("select[name=action]").select_option("macro_selected")
    page.locator("[name=index]").first.click()
    expect(page.get_by_text(f"Late {width} — Priority: High")).to_be_visible()
    picture(page, f"macro_bulk_{width}")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize(("scheme", "language"), [("dark", "en"), ("light", "ar")])
def test_no_serious_finding_while_something_is_offered(site, window, customer, texts, scheme, language):
    page = window("agent1", color_scheme=scheme, locale=language)
    open_ticket(page, site, customer.open_ticket("Offered"))
    page.keyboard.press("r")
    page.keyboard.type("/")
    page.locator("#wb-reply-texts").get_by_role("option").first.wait_for()
    page.wait_for_timeout(600)
    assert not serious_faults(page)
    page.locator(".wb-canned summary").click()
    assert not serious_faults(page)
    page.keyboard.press("Escape")
    page.keyboard.press("m")
    page.locator("#wb-dialog [data-narrow]").wait_for()
    assert not serious_faults(page)
    page.keyboard.press("Enter")
    page.locator("#wb-dialog [type=submit]").wait_for()
    assert not serious_faults(page)
