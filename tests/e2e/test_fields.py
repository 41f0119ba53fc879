"""The fields of a ticket without a dialog, taking back what was done, and what is seen and told while one writes."""

import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import run

QUEUE = "/admin/support/ticket/"
MAKE_TAGS = """
from ondi.tenants.scope import find_tenants, tenant_scope
from support.models import Tag
tenant = find_tenants("tigris")["tigris"]
with tenant_scope(tenant):
    for name in {names!r}:
        Tag.objects.create(tenant_id=tenant, name=name)
"""
SEEN = "find('#wb-reply').elements.last_sequence.value === find('#wb-thread').dataset.sequence".replace(
    "find", "document.querySelector"
)


@pytest.fixture
def opened(site, window, customer):
    """`opened("lead")`: that person's page of one and the same new ticket, and the ticket."""
    ticket = customer.open_ticket("Fields of a ticket")

    def open_as(person, **options):
        page = window(person, **options)
        page.goto(f"{site.url}{QUEUE}{ticket['id']}/change/")
        expect(page.locator("#wb-thread")).to_contain_text("Please help.")
        return page, ticket

    return open_as


def make_tags(site, *names):
    run(site, MAKE_TAGS.format(names=names))


def test_a_colleague_and_tags_are_found_by_typing_and_the_page_stays(site, opened):
    make_tags(site, "fragile", "fragile glass")
    page, _ticket = opened("agent1")
    page.evaluate("window.stayed = true")
    page.locator("#wb-reply textarea").fill("Half a sentence")

    page.locator("#wb-find-assign").click()
    page.keyboard.type("me")
    page.keyboard.press("Enter")
    expect(page.locator(".wb-toast")).to_contain_text("is yours.")
    expect(page.locator("#wb-find-assign .wb-whose")).to_be_visible()
    page.keyboard.press("t")
    expect(page.locator(".wb-finder")).to_be_focused()
    page.keyboard.type("FRAG")
    page.keyboard.press("Enter")
    expect(page.locator(".wb-tagged")).to_have_count(1)
    expect(page.locator(".wb-finder")).to_be_focused()  # for the next one
    page.keyboard.type("glass")
    page.keyboard.press("Enter")
    expect(page.locator(".wb-tagged")).to_have_text(["fragileclose", "fragile glassclose"])
    page.keyboard.press("Escape")
    page.get_by_label("Take the tag fragile away", exact=True).click()
    expect(page.locator(".wb-tagged")).to_have_count(1)
    page.select_option("#wb-quick-priority", "urgent")
    expect(page.locator(".wb-toast")).to_contain_text("Priority is urgent.")

    assert page.evaluate("window.stayed"), "nothing was loaded anew"
    expect(page.locator("#wb-reply textarea")).to_have_value("Half a sentence")
    page.locator("[data-send]").first.click()
    expect(page.locator("#wb-thread .wb-agent")).to_contain_text("Half a sentence")  # one's own doing refuses nothing


def test_what_was_done_is_taken_back(opened):
    page, ticket = opened("agent1")
    page.select_option("#wb-quick-priority", "urgent")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Priority is medium.")).to_be_visible()
    page.keyboard.press("c")
    expect(page.get_by_text(f"#{ticket['number']} is yours.")).to_be_visible()
    page.get_by_role("button", name=f"Close #{ticket['number']}").click()
    expect(page.get_by_text(f"#{ticket['number']} is closed.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()

    expect(page.get_by_text(f"#{ticket['number']} is open again.")).to_be_visible()
    expect(page.locator("#wb-reply textarea")).to_be_visible()


def test_a_message_that_stood_on_the_screen_costs_no_refused_send(opened, customer):
    page, ticket = opened("agent1")
    page.locator("#wb-reply textarea").fill("It comes tod")
    customer.say(ticket, "Forget it, I found it.")
    expect(page.locator("#wb-thread")).to_contain_text("Forget it, I found it.")
    page.wait_for_function(SEEN)
    page.locator("#wb-reply textarea").fill("Good to hear!")
    page.keyboard.press("Control+Enter")

    expect(page.locator("#wb-thread .wb-agent")).to_contain_text("Good to hear!")
    assert not page.get_by_text("Not sent yet").count()


def test_who_writes_is_told_at_once_that_a_colleague_has_the_ticket_now(opened):
    page, _ticket = opened("agent1")
    page.keyboard.press("c")
    expect(page.get_by_text("is yours.")).to_be_visible()
    page.locator("#wb-reply textarea").fill("I am looking into")
    theirs, _ticket = opened("lead")
    theirs.locator(".wb-more summary").click()
    theirs.get_by_text("Take over from").click()
    theirs.locator("#wb-dialog [name=reason]").fill("Mine")
    theirs.locator("#wb-dialog [type=submit]").click()

    expect(page.locator("#wb-changed")).to_contain_text("What you typed is kept.")
    expect(page.locator("#wb-reply textarea")).to_have_value("I am looking into")


def test_what_is_new_since_the_last_look_begins_with_a_line(site, opened, customer):
    page, ticket = opened("agent1")
    page.keyboard.press("c")
    expect(page.get_by_text("is yours.")).to_be_visible()
    page.goto(f"{site.url}{QUEUE}{ticket['id']}/change/")
    assert not page.locator("#wb-since").count()
    page.goto(f"{site.url}{QUEUE}")
    customer.say(ticket, "One more thing.")
    page.goto(f"{site.url}{QUEUE}{ticket['id']}/change/")

    expect(page.locator("#wb-since")).to_be_in_viewport()
    assert page.locator("#wb-since + article").inner_text().endswith("One more thing.")
    page.reload()
    assert not page.locator("#wb-since").count(), "it was looked at"
