"""From ticket to ticket: in the list one came from, back to one's place in it, and on by an answer."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import run

QUEUE = "/admin/support/ticket/"


@pytest.fixture
def listed(site, customer, window):
    """Three tickets of one search, in an agent's queue: their numbers in the order of the list, and the page."""
    for number in range(3):
        customer.open_ticket(f"Flowing parcel {number}")
    page = window("agent1")
    page.goto(f"{site.url}{QUEUE}?tab=unassigned&q=Flowing+parcel")
    rows = page.locator("#result_list tbody tr")
    expect(rows).to_have_count(3)
    return [re.search(r"#(\d+)", row).group(1) for row in rows.all_inner_texts()], page


@pytest.fixture(autouse=True)
def nothing_is_left(listed, site):
    """The next test finds a list of its own."""
    yield
    _numbers, page = listed
    page.goto(f"{site.url}{QUEUE}?tab=open&q=Flowing+parcel")
    if page.locator("input.action-select").count():
        page.locator("#action-toggle").check()
        page.select_option("[name=action]", "close_selected")
        page.get_by_role("button", name="Run").click()
        expect(page.get_by_text("Close ticket:")).to_be_visible()
    run(site, 'from ondi.accounts.models import User; User.objects.update(after_sending="stay")')


def shown(page):
    """The number of the ticket, once the page knows its place in the list, and so its keys."""
    expect(page.locator("#wb-steps")).to_contain_text(" of ")
    return page.locator(".wb-number")


def test_next_and_previous_go_through_the_list(listed):
    numbers, page = listed
    page.locator("#result_list a", has_text="Flowing parcel").first.click()
    expect(shown(page)).to_have_text(f"#{numbers[0]}")
    expect(page.locator("#wb-steps")).to_contain_text("1 of 3")
    expect(page.locator("[data-step='-1']")).to_be_hidden()

    page.keyboard.press("j")
    expect(shown(page)).to_have_text(f"#{numbers[1]}")
    page.keyboard.press("j")
    expect(shown(page)).to_have_text(f"#{numbers[2]}")
    expect(page.locator("[data-step='1']")).to_be_hidden()
    page.keyboard.press("k")
    expect(shown(page)).to_have_text(f"#{numbers[1]}")


def test_back_is_the_same_list_at_the_same_place(listed):
    numbers, page = listed
    before = page.url
    page.locator("#result_list a", has_text="Flowing parcel").nth(1).click()
    expect(shown(page)).to_have_text(f"#{numbers[1]}")
    page.keyboard.press("j")
    expect(shown(page)).to_have_text(f"#{numbers[2]}")

    page.keyboard.press("q")

    expect(page.locator("#result_list")).to_be_visible()
    assert page.url == before
    expect(page.locator("#result_list tr", has_text=f"#{numbers[2]}").locator("a.wb-here")).to_be_focused()


def test_an_answer_leads_on_as_its_writer_chose(listed):
    """Given "then the next ticket", when one sends and closes by a key, then the next one is there, and so on."""
    numbers, page = listed
    page.locator("#result_list a", has_text="Flowing parcel").first.click()
    expect(shown(page)).to_have_text(f"#{numbers[0]}")
    page.select_option("[data-then]", "next")
    page.locator("#wb-reply textarea").fill("It comes today.")
    page.keyboard.press("Control+Shift+Enter")

    expect(shown(page)).to_have_text(f"#{numbers[1]}")
    expect(page.get_by_text(f"#{numbers[0]}: Sent, and the ticket is closed.")).to_be_visible()
    expect(page.locator("[data-then]")).to_have_value("next")
    page.locator("#wb-reply textarea").fill("So does this.")
    page.keyboard.press("Control+Enter")
    expect(shown(page)).to_have_text(f"#{numbers[2]}")
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('desk-draft:'))") == []

    page.locator("#wb-reply textarea").fill("And this is the last.")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#wb-tabs")).to_be_visible()
    expect(page.get_by_text(f"#{numbers[2]}: Sent.")).to_be_visible()
    assert "Flowing" in page.url
    assert page.url.endswith("parcel")


def test_a_list_of_a_filters_values_closes_by_escape_by_a_click_beside_it_and_by_another(listed):
    """Given the queue, when a filter is opened, then its list lies at its button, and goes as every menu does."""
    _numbers, page = listed
    button, choices = page.locator("[popovertarget=wb-filter-priority]"), page.locator("#wb-filter-priority")
    button.click()
    expect(choices).to_be_visible()
    at, under = button.bounding_box(), choices.bounding_box()
    assert 0 <= under["y"] - at["y"] - at["height"] <= 8
    assert abs(under["x"] - at["x"]) <= 1

    page.keyboard.press("Escape")
    expect(choices).to_be_hidden()
    expect(button).to_be_focused()

    button.click()
    page.mouse.click(page.viewport_size["width"] - 5, page.viewport_size["height"] - 5)
    expect(choices).to_be_hidden()

    button.click()
    page.locator("[popovertarget=wb-filter-sort]").click()
    expect(page.locator("#wb-filter-sort")).to_be_visible()
    expect(choices).to_be_hidden()
    button.click()
    choices.get_by_role("checkbox").first.check()
    choices.get_by_role("button", name="Show").click()
    expect(page.locator(".wb-asked-chip", has_text="Priority")).to_be_visible()
