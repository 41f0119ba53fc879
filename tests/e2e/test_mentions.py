"""Mentioning a colleague: chosen while the note is written, announced by the bell, found in the queue's tab."""

import pytest
from playwright.sync_api import expect

QUEUE = "/admin/support/ticket/"
RINGS = 40_000


def begin_note(page, site, ticket):
    page.goto(f"{site.url}{QUEUE}{ticket['id']}/change/")
    page.keyboard.press("n")
    return page.locator("#wb-note-text"), page.locator("#wb-colleagues")


def bell_of(page):
    count = page.locator("#wb-bell-count")
    return int(count.inner_text()) if count.is_visible() else 0


@pytest.mark.parametrize(
    ("language", "mentioned", "says"), [("en", "Mentioned", "You were mentioned"), ("ar", "ذُكرتُ فيها", "ذُكر اسمك")]
)
def test_chosen_by_keyboard_the_colleague_is_told_and_finds_the_ticket(
    site, window, customer, language, mentioned, says
):
    ticket = customer.open_ticket(f"Mentioned in {language}")
    colleague = window("agent2", locale=language)
    colleague.goto(f"{site.url}/admin/")
    before = bell_of(colleague)
    page = window("agent1", locale=language)
    note, colleagues = begin_note(page, site, ticket)

    page.keyboard.type("Do you know this, @r")
    expect(colleagues.get_by_role("option").first).to_be_visible()
    assert "Sara Kareem" not in colleagues.inner_text(), "nobody mentions themselves"
    page.keyboard.type("AH")
    option = colleagues.get_by_role("option", name="Yusuf Rahman")
    expect(option).to_have_attribute("aria-selected", "true")
    expect(note).to_have_attribute("aria-activedescendant", option.get_attribute("id"))
    page.keyboard.press("Enter")
    expect(note).to_have_value("Do you know this, @Yusuf Rahman ")
    expect(colleagues).to_be_hidden()
    page.keyboard.press("Control+Enter")
    expect(page.locator("#wb-thread .wb-note")).to_contain_text("@Yusuf Rahman")

    expect(colleague.locator("#wb-bell-count")).to_have_text(str(before + 1), timeout=RINGS)
    colleague.locator("[data-bell]").click()
    expect(colleague.locator(".wb-told li").first).to_contain_text(says)
    colleague.goto(site.url + QUEUE)
    colleague.locator("#wb-tabs").get_by_role("link", name=mentioned).click()
    expect(colleague.locator("#result_list tbody tr").first).to_contain_text(f"Mentioned in {language}")


def test_arrows_choose_and_escape_declines(site, window, customer):
    page = window("agent1")
    note, colleagues = begin_note(page, site, customer.open_ticket("Whom to ask"))
    page.keyboard.type("@")
    options = colleagues.get_by_role("option")
    expect(options.first).to_have_attribute("aria-selected", "true")
    expect(page.locator("#wb-colleagues-found")).to_contain_text(f"Colleagues found: {options.count()}")
    last = options.last.inner_text()

    page.keyboard.press("ArrowUp")
    expect(options.last).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Escape")
    expect(colleagues).to_be_hidden()
    expect(note).to_be_focused()
    page.keyboard.type("s")
    page.keyboard.press("Enter")
    expect(note).to_have_value("@s\n")
    page.keyboard.type("@")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Tab")

    expect(note).to_have_value(f"@s\n@{last} ")
    expect(note).to_be_focused()


def test_a_tap_chooses_on_a_phone_and_nothing_is_offered_in_an_address(site, window, customer):
    page = window("agent1", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    note, colleagues = begin_note(page, site, customer.open_ticket("On the way"))
    page.keyboard.type("layla@")
    page.wait_for_timeout(300)
    expect(colleagues).to_be_hidden()
    page.keyboard.type("example.org @yu")

    colleagues.get_by_role("option", name="Yusuf Rahman").tap()

    expect(note).to_have_value("layla@example.org @Yusuf Rahman ")
    expect(note).to_be_focused()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
