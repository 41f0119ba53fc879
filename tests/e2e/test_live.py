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


def test_queue_and_ticket_follow_without_a_poll_and_come_back_with_the_stream(site, window, customer):
    page, asked = window("agent1"), []
    with page.expect_request("**/live/"):
        page.goto(f"{site.url}{QUEUE}?tab=open")
    page.wait_for_timeout(12_000)  # until it listens, and the bell has looked a second time
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(17_000)  # longer than the queue's and the bell's own pauses
    assert asked == []

    customer.open_ticket("Is this live")
    expect(page.get_by_text("Is this live")).to_be_visible(timeout=AT_ONCE)

    os.kill(stream_of(site), signal.SIGKILL)
    customer.open_ticket("Is this live again")
    expect(page.get_by_text("Is this live again")).to_be_visible(timeout=AFTER_A_WHILE)
    time.sleep(8)  # the keeper has started it again, and the page has come back
    customer.open_ticket("And now")
    expect(page.get_by_text("And now")).to_be_visible(timeout=AT_ONCE)
