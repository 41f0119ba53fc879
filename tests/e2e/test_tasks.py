"""The commonest tasks of an agent: the clicks and keys that docs/agents.md promises are those that a page needs."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browsing import run

AGENTS = Path(__file__).resolve().parents[2] / "docs" / "agents.md"
QUEUE = "/admin/support/ticket/"
# What other tests begin with: no ticket of these is urgent, and answers lead nowhere.
AS_BEFORE = """
from ondi.accounts.models import User
from ondi.tenants.scope import find_tenants, tenant_scope
from support.models import Ticket
User.objects.update(after_sending="stay")
with tenant_scope(find_tenants("tigris")["tigris"]):
    Ticket.objects.filter(subject__startswith="Task: ").update(priority="low")
"""
ROW = re.compile(r"^\| ([^|]+?) \| (\d+) \| (\d+) \|", re.M)


class Counted:
    """A page, and how often it was clicked, and a key was pressed that is no word being typed."""

    def __init__(self, page: Page) -> None:
        self.page, self.clicks, self.keys = page, 0, 0

    def click(self, selector: str, **which) -> None:
        self.clicks += 1
        self.page.locator(selector, **which).first.click()

    def choose(self, selector: str, value: str) -> None:
        """From a list: a click that opens it, and one on what is wanted."""
        self.clicks += 2
        self.page.select_option(selector, value)

    def press(self, key: str) -> None:
        self.keys += 1
        self.page.keyboard.press(key)

    def type(self, text: str) -> None:
        self.page.keyboard.type(text)


def toast(page, text):
    expect(page.locator(".wb-toast")).to_contain_text(text)


def next_ticket(counted, page):
    counted.press("x")
    expect(page.locator("#ticket")).to_be_visible()


def claim(counted, page):
    counted.press("c")
    toast(page, "is yours.")


def reply(counted, page):
    counted.press("r")
    counted.type("On its way")
    counted.press("Control+Enter")
    expect(page.locator("#wb-thread .wb-agent")).to_contain_text("On its way")


def reply_and_close(counted, page):
    counted.press("r")
    counted.type("Done")
    counted.press("Control+Shift+Enter")
    expect(page.get_by_text("Sent, and the ticket is closed.")).to_be_visible()


def note(counted, page):
    counted.press("n")
    counted.type("Call the courier")
    counted.press("Control+Enter")
    expect(page.locator("#wb-thread .wb-note")).to_contain_text("Call the courier")


def assign(counted, page):
    counted.click("#wb-find-assign")
    counted.type("yus")
    counted.press("Enter")
    toast(page, "is now with Yusuf")


def tag(counted, page):
    counted.click("#wb-find-tags")
    counted.type("cour")
    counted.press("Enter")
    expect(page.locator(".wb-tagged")).to_have_count(1)


def priority(counted, page):
    counted.choose("#wb-quick-priority", "urgent")
    toast(page, "Priority is urgent.")


def snooze(counted, page):
    counted.choose("#wb-quick-snooze", "1d")
    toast(page, "Snoozed until")


def back(counted, page):
    counted.press("q")
    expect(page.locator("#result_list")).to_be_visible()


def undo(counted, page):
    page.select_option("#wb-quick-priority", "low")
    counted.click(".wb-undo")
    toast(page, "Priority is medium.")


def canned_reply(counted, page):
    counted.click(".wb-canned summary")
    counted.click(".wb-canned [data-canned]")
    expect(page.locator("#wb-reply-text")).not_to_have_value("")


def way_on(page, way):
    page.select_option("[name=then]", way)


def next_of_the_list(counted, page):
    from_the_list(page)
    counted.press("j")
    expect(page.locator("#wb-steps")).to_contain_text("2 of")


def answered_to_the_next(counted, page):
    from_the_list(page)
    way_on(page, "next")
    page.fill("#wb-reply-text", "On its way")
    counted.press("Control+Enter")
    expect(page.locator("#wb-steps")).to_contain_text("2 of")
    way_on(page, "stay")


def from_the_list(page):
    page.goto(f"{page.url.partition('/admin/')[0]}{QUEUE}?tab=open&sort=newest")
    page.locator("#result_list a[href*='/change/']").first.click()
    expect(page.locator("#wb-steps")).to_contain_text("1 of")


def one_agents_tickets(counted, page):
    page.goto(f"{page.url.partition('/admin/')[0]}{QUEUE}?tab=open")
    counted.click("a.wb-assignee", has_text="Yusuf Rahman")
    expect(page.locator(".wb-asked-chip")).to_contain_text("Yusuf Rahman")


def unknown_caller(counted, page):
    page.keyboard.press("Control+k")
    counted.type(f"0780 {len(page.url):03} 11 22")
    counted.press("Enter")
    counted.click("a", has_text="New customer with a ticket")
    for name in ("first_name", "subject", "message"):
        page.fill(f"[name={name}]", "Nadia")
    counted.click("button[type=submit]", has_text="Open the ticket")
    expect(page.locator("#wb-details")).to_contain_text("taken down by")


def ten_to_urgent(counted, page):
    page.goto(f"{page.url.partition('/admin/')[0]}{QUEUE}?tab=open&sort=newest")
    for row in range(10):
        counted.clicks += 1
        page.locator("#result_list tbody input.action-select").nth(row).click()
    counted.click("button", has_text="Make urgent")
    toast(page, "Make urgent: ")


TASKS: dict[str, Callable[[Counted, Page], None]] = {
    "Claim what one reads": claim,
    "Answer": reply,
    "Answer and close": reply_and_close,
    "Write a note": note,
    "Assign to a colleague": assign,
    "Put a tag on": tag,
    "Change the priority": priority,
    "Snooze till tomorrow": snooze,
    "Take back what was just done": undo,
    "Back to the list": back,
    "Insert a canned reply": canned_reply,
    "From an answered ticket to the next of the list": answered_to_the_next,
    "The next ticket of the list": next_of_the_list,
    "See one colleague's tickets": one_agents_tickets,
    "Open a ticket for somebody unknown who calls": unknown_caller,
    "Make ten tickets urgent": ten_to_urgent,
    "The next ticket of the queue": next_ticket,
}


def promised():
    return {name: (int(clicks), int(keys)) for name, clicks, keys in ROW.findall(AGENTS.read_text())}


def test_each_task_costs_what_the_documentation_says(site, window, customer):
    page, measured = window("agent1"), {}
    for name, task in TASKS.items():
        ticket = customer.open_ticket(f"Task: {name}")
        page.goto(f"{site.url}{QUEUE}{ticket['id']}/change/")
        expect(page.locator("#wb-thread")).to_contain_text("Please help.")
        counted = Counted(page)
        task(counted, page)
        measured[name] = (counted.clicks, counted.keys)

    run(site, AS_BEFORE)
    assert {name: promised().get(name) for name in measured} == measured


@pytest.mark.parametrize("name", TASKS)
def test_no_task_is_left_out_of_the_documentation(name):
    assert name in promised()
