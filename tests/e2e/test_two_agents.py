"""Two agents and a customer at their pages: each knows at once what the others do, and nobody asks in between."""

import os
import signal

import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import Customer
from tests.e2e.portal import open_portal, told
from tests.e2e.test_live import AFTER_A_WHILE, AT_ONCE, QUEUE, stream_of

PERSON = "customer4@tigris.demo"


@pytest.fixture
def portal_page(browser, site, portal_origin):
    """`portal_page(ticket)`: this ticket at the customer's portal."""
    page, faults = browser.new_page(), []
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield lambda ticket: open_portal(page, portal_origin, site.url, PERSON, ticket)
    page.close()
    assert not faults


def asked_by(page):
    """Its requests from now on, without those that say that the ticket is before somebody's eyes."""
    asked = []
    page.on("request", lambda request: None if "seen=1" in request.url else asked.append(request.url))
    return asked


def test_all_three_are_live_without_a_poll_and_again_after_the_stream_was_killed(site, window, portal_page):
    customer = Customer(site.url, PERSON)
    ticket = customer.open_ticket("Three of us", "Where is it?")
    sara, omar, theirs = window("agent1"), window("agent2"), portal_page(ticket)
    sara.goto(f"{site.url}{QUEUE}{ticket['id']}/change/")
    sara.keyboard.press("c")
    expect(sara.get_by_text("is yours.")).to_be_visible()
    omar.goto(f"{site.url}{QUEUE}?tab=open&q=Three+of+us")  # there may be many others
    row = omar.locator("tr", has_text="Three of us")
    chat, thread = theirs.locator("#chat"), sara.locator("#wb-thread")
    sara.wait_for_timeout(13_000)  # until both listen, and the bells have looked a second time

    by_sara, by_omar, by_them = asked_by(sara), asked_by(omar), asked_by(theirs)
    sara.wait_for_timeout(8_000)  # longer than a ticket's own pause
    assert (by_sara, by_omar, by_them) == ([], [], [])

    customer.say(ticket, "Is it on its way?")
    expect(thread).to_contain_text("Is it on its way?", timeout=AT_ONCE)
    expect(row).to_contain_text("Is it on its way?", timeout=AT_ONCE)
    expect(chat).to_contain_text("Is it on its way?", timeout=AT_ONCE)

    answer(sara, "It left this morning.")
    expect(chat).to_contain_text("It left this morning.", timeout=AT_ONCE)
    expect(row).to_contain_text("It left this morning.", timeout=AT_ONCE)

    os.kill(stream_of(site), signal.SIGKILL)
    customer.say(ticket, "And which one?")
    expect(thread).to_contain_text("And which one?", timeout=AFTER_A_WHILE)
    expect(row).to_contain_text("And which one?", timeout=AFTER_A_WHILE)
    expect(chat).to_contain_text("And which one?", timeout=AFTER_A_WHILE)

    sara.wait_for_timeout(10_000)  # the stream is there again, and the pages have come back
    answer(sara, "The blue one.")
    expect(chat).to_contain_text("The blue one.", timeout=AT_ONCE)
    expect(row).to_contain_text("The blue one.", timeout=AT_ONCE)
    customer.say(ticket, "Thank you!")
    expect(thread).to_contain_text("Thank you!", timeout=AT_ONCE)

    said = chat.locator("li").all_inner_texts()
    for text in ("Is it on its way?", "It left this morning.", "And which one?", "The blue one.", "Thank you!"):
        assert said.count(text) == 1
    positions = [position for position, kind, _data in told(theirs) if kind != "hello"]
    assert positions == sorted(set(positions))


def answer(page, text):
    page.locator("#wb-reply textarea").fill(text)  # after the first answer the cursor is there already
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Sent.", exact=True)).to_be_visible()
