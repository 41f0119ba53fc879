"""Open pages know at once, by the stream; they ask by themselves only while it is away."""

import os
import signal
import time

from playwright.sync_api import expect

from tests.reliability.product import children_of, command_of

QUEUE = "/admin/support/ticket/"
AT_ONCE, AFTER_A_WHILE = 6_000, 40_000


def stream_of(site):
    keeper = next(pid for pid in children_of(site.process.pid) if b"\0stream\0" in command_of(pid))
    return children_of(keeper)[0]


def asked_by(*pages):
    """What these pages ask from now on; a list that grows."""
    asked = []
    for page in pages:
        page.on("request", lambda request: asked.append(request.url))
    return asked


def is_quiet(page, asked, moment):
    """Whether nothing is asked for so many milliseconds, in one of four looks: the demo lives, and what its clocks do
    is news; but who polls asks in each of them."""
    for _look in range(4):
        asked.clear()
        page.wait_for_timeout(moment)
        if not asked:
            return True
    return False


def test_queue_and_ticket_follow_without_a_poll_and_come_back_with_the_stream(site, window, customer):
    page = window("agent1")
    with page.expect_request("**/live/"):
        page.goto(f"{site.url}{QUEUE}?tab=open&sort=newest")  # there may be many others
    page.wait_for_timeout(12_000)  # until it listens, and the bell has looked a second time
    assert is_quiet(page, asked_by(page), 17_000)  # longer than the queue's and the bell's own pauses

    customer.open_ticket("Is this live")
    expect(page.get_by_text("Is this live")).to_be_visible(timeout=AT_ONCE)

    os.kill(stream_of(site), signal.SIGKILL)
    customer.open_ticket("Is this live again")
    expect(page.get_by_text("Is this live again")).to_be_visible(timeout=AFTER_A_WHILE)
    time.sleep(8)  # the keeper has started it again, and the page has come back
    customer.open_ticket("And now")
    expect(page.get_by_text("And now")).to_be_visible(timeout=AT_ONCE)


def test_two_agents_see_each_other_without_asking_until_one_leaves(site, window, customer):
    """Given both have a ticket open for longer than a poll would count, then they are there, and nobody asked."""
    address = f"{site.url}{QUEUE}{customer.open_ticket('Who is here')['id']}/change/"
    sara, yusuf = window("agent1"), window("agent2")
    for page in (sara, yusuf):
        with page.expect_request("**/live/"):
            page.goto(address)
    for page in (sara, yusuf):
        expect(page.locator("#wb-viewers")).to_contain_text("Also here", timeout=AT_ONCE)

    sara.wait_for_timeout(14_000)  # until both have looked a second time
    asked = asked_by(sara, yusuf)
    assert is_quiet(sara, asked, 12_000)
    sara.evaluate("dispatchEvent(new Event('focus'))")  # it looks, and finds what has been there all the time
    sara.wait_for_timeout(1_000)
    assert [url for url in asked if url.endswith("/news/?seen=1")]
    expect(sara.locator("#wb-viewers")).to_contain_text("Also here")

    yusuf.goto("about:blank")

    expect(sara.locator("#wb-viewers")).to_be_empty(timeout=10_000)


def test_what_is_told_of_the_ticket_on_the_screen_never_rings(site, window, customer):
    ticket = customer.open_ticket("Do I hear this")
    page, bell = window("agent2"), []
    page.goto(f"{site.url}{QUEUE}{ticket['id']}/change/")
    page.locator("#wb-actions").get_by_text("Claim").first.click()
    expect(page.get_by_text("is yours.")).to_be_visible()
    page.wait_for_timeout(4_000)  # until the stream says who is here
    before = int(page.locator("#wb-bell-count").text_content() or 0)
    page.on("response", lambda answer: "notifications/news" in answer.url and bell.append(answer.json()))

    for number in range(3):
        customer.say(ticket, f"Hello {number}?")
        expect(page.get_by_text(f"Hello {number}?")).to_be_visible(timeout=AT_ONCE)
        page.wait_for_timeout(3_000)
    page.wait_for_timeout(17_000)  # longer than it is held back

    assert any(one["again_in"] for one in bell), "it was told, and held back"
    assert {one["unread"] for one in bell} == {before}
