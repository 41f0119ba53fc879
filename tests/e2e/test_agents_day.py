"""An agent's day at the workbench, in a real browser: everything a person does, and what they see of it."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browsing import run

QUEUE = "/admin/support/ticket/"
NEWS = 15_000


def open_page(page: Page, site, ticket) -> None:
    page.goto(f"{site.url}{QUEUE}{ticket['id']}/change/")
    expect(page.locator("#ticket")).to_be_visible()


def do(page: Page, name: str, **fields: str) -> None:
    """Press a rare action's button and fill in what it asks."""
    page.locator(".wb-more summary").click()
    page.locator("#wb-actions").get_by_text(name, exact=False).first.click()
    dialog = page.locator("#wb-dialog")
    for field, value in fields.items():
        target = dialog.locator(f"[name={field}]")
        if target.evaluate("node => node.tagName") == "SELECT":
            target.select_option(value)
        else:
            target.fill(value)
    dialog.locator("button[type=submit]").click()


def write(page: Page, text: str, button: str = "Send") -> None:
    page.locator("[data-pane]:not([hidden]) textarea").fill(text)
    page.get_by_role("button", name=button, exact=True).click()


def thread(page: Page):
    return page.locator("#wb-thread")


def test_claim_from_the_queue_and_answer_with_a_canned_reply(site, window, customer):
    ticket = customer.open_ticket("Lamp is broken")
    page = window("agent1")
    page.goto(site.url + QUEUE)
    row = page.locator("tr", has_text="Lamp is broken")
    row.get_by_role("button", name=re.compile("Claim")).click()
    expect(page.get_by_text("is yours.")).to_be_visible()
    page.goto(f"{site.url}{QUEUE}?tab=mine")
    page.get_by_text("Lamp is broken").click()
    page.wait_for_url("**/change/**")

    page.keyboard.press("r")
    page.keyboard.type("/hello")
    page.keyboard.press("Tab")
    expect(page.locator("#wb-reply textarea")).to_have_value("Hello, thank you for writing.")
    page.keyboard.press("Control+Enter")

    expect(page.get_by_text("Sent.")).to_be_visible()
    expect(thread(page).locator(".wb-agent")).to_contain_text("Hello, thank you for writing.")
    assert ticket["number"]


def test_note_by_keyboard_is_clearly_no_message(site, window, customer):
    page = window("agent1")
    open_page(page, site, customer.open_ticket("Where is it"))

    page.keyboard.press("n")
    page.keyboard.type("The courier is late today")
    page.keyboard.press("Control+Enter")

    note = thread(page).locator(".wb-note")
    expect(note).to_contain_text("The courier is late today")
    expect(note).to_contain_text("Internal note")


def test_take_over_asks_why(site, window, customer):
    ticket = customer.open_ticket("Handed over")
    theirs = window("agent2")
    open_page(theirs, site, ticket)
    theirs.keyboard.press("c")
    expect(theirs.get_by_text("is yours.")).to_be_visible()
    page = window("agent1")
    open_page(page, site, ticket)

    do(page, "Take over", reason="Yusuf is at lunch")

    expect(page.locator("#wb-details")).to_contain_text("Sara Kareem")
    expect(thread(page).locator(".wb-note")).to_contain_text("Yusuf is at lunch")


def test_later_leaves_the_queue_until_the_customer_writes(site, window, customer):
    ticket = customer.open_ticket("Come back")
    page = window("agent1")
    open_page(page, site, ticket)

    page.select_option("#wb-actions [name=when]", "3d")

    expect(page.locator("#wb-state")).to_contain_text("Comes back:")
    page.goto(f"{site.url}{QUEUE}?tab=unassigned")
    expect(page.locator("#result_list")).not_to_contain_text("Come back")
    page.goto(f"{site.url}{QUEUE}?tab=snoozed")
    expect(page.locator("#result_list")).to_contain_text("Come back")
    customer.say(ticket, "Any news?")
    page.goto(f"{site.url}{QUEUE}?tab=unassigned")
    expect(page.locator("#result_list")).to_contain_text("Come back")


def test_send_and_close(site, window, customer):
    page = window("agent1")
    open_page(page, site, customer.open_ticket("Quickly solved"))

    write(page, "It is on its way.", "Send and close")

    expect(page.get_by_text("Sent, and the ticket is closed.")).to_be_visible()
    expect(page.locator("#wb-state")).to_contain_text("Closed")
    expect(page.locator("#wb-reply")).to_have_count(0)


def test_bulk_close_tells_what_became_of_each(site, window, customer):
    tickets = [customer.open_ticket(f"Mass mail {number}") for number in range(3)]
    page, colleague = window("agent1"), window("agent2")
    page.goto(f"{site.url}{QUEUE}?tab=unassigned&q=Mass+mail")
    for ticket in tickets:
        page.check(f"input.action-select[value='{ticket['id']}']")
    open_page(colleague, site, tickets[0])
    colleague.keyboard.press("c")
    expect(colleague.get_by_text("is yours.")).to_be_visible()

    page.select_option("[name=action]", "close_selected")
    page.get_by_role("button", name="Run").click()

    expect(page.get_by_text("Close ticket: 2 tickets.")).to_be_visible()
    expect(page.get_by_text(f"stays as it is: #{tickets[0]['number']}")).to_be_visible()


def test_two_browsers_do_not_cross_their_replies(site, window, customer):
    ticket = customer.open_ticket("Crossed replies")
    first, second = window("agent1"), window("agent2")
    open_page(first, site, ticket)
    open_page(second, site, ticket)
    first.locator("#wb-reply textarea").fill("From the first")
    write(second, "From the second")
    expect(second.get_by_text("Sent.")).to_be_visible()

    first.get_by_role("button", name="Send", exact=True).click()

    expect(first.get_by_text("Not sent yet: something changed while you were writing.")).to_be_visible()
    expect(first.get_by_text("the ticket is now with: Yusuf Rahman")).to_be_visible()
    expect(thread(first).locator(".wb-new")).to_contain_text("From the second")
    expect(first.locator("#wb-reply textarea")).to_have_value("From the first")
    first.get_by_role("button", name="Send", exact=True).click()
    expect(first.get_by_text("Sent.")).to_be_visible()
    expect(thread(first)).to_contain_text("From the first")


def test_colleagues_see_each_other(site, window, customer):
    ticket = customer.open_ticket("Two at once")
    first, second = window("agent1"), window("agent2")
    open_page(first, site, ticket)
    open_page(second, site, ticket)

    expect(first.locator("#wb-viewers")).to_contain_text("Yusuf Rahman", timeout=NEWS)


def test_message_of_the_customer_arrives_by_itself(site, window, customer):
    ticket = customer.open_ticket("Live")
    page = window("agent1")
    open_page(page, site, ticket)
    page.keyboard.press("c")
    expect(page.get_by_text("is yours.")).to_be_visible()
    write(page, "We are looking.")
    expect(page.get_by_text("Sent.")).to_be_visible()

    customer.say(ticket, "Found it behind the door!")

    expect(thread(page)).to_contain_text("Found it behind the door!", timeout=NEWS)
    expect(page).to_have_title(re.compile(r"^\(\d+\) "), timeout=NEWS)
    write(page, "Wonderful.")
    expect(page.get_by_text("Sent.")).to_be_visible(), "what was on the screen does not stop the answer"


def test_new_ticket_appears_in_the_queue_by_itself(site, window, customer):
    page = window("agent2")
    page.goto(f"{site.url}{QUEUE}?tab=unassigned")
    before = page.locator("#wb-tabs .wb-count").first.inner_text()

    customer.open_ticket("Arrived while you looked")

    expect(page.locator("#result_list")).to_contain_text("Arrived while you looked", timeout=NEWS * 2)
    expect(page.locator("#wb-tabs .wb-count").first).not_to_have_text(before)


def test_draft_survives_a_lost_page_and_a_lost_session(site, window, customer):
    ticket = customer.open_ticket("Long answer")
    page = window("agent1")
    open_page(page, site, ticket)
    page.locator("#wb-reply textarea").fill("A long and careful answer")
    page.goto(site.url + QUEUE)
    open_page(page, site, ticket)
    expect(page.locator("#wb-reply textarea")).to_have_value("A long and careful answer")

    page.context.clear_cookies()
    page.get_by_role("button", name="Send", exact=True).click()
    if page.locator("[name=username]").count() == 0:  # the form's own token is gone as well
        page.goto(f"{site.url}/admin/login/?next={QUEUE}{ticket['id']}/reply/")
    page.fill("[name=username]", "agent1@tigris.demo")
    page.fill("[name=password]", "ondi-demo")
    page.click("button[type=submit]")

    expect(page.locator("#wb-reply textarea")).to_have_value("A long and careful answer")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_text("Sent.")).to_be_visible()
    expect(page.locator("#wb-reply textarea")).to_have_value("")


def test_signed_out_page_says_so(site, window, customer):
    page = window("agent1")
    open_page(page, site, customer.open_ticket("Gone"))
    page.context.clear_cookies()

    expect(page.locator("#wb-lost")).to_be_visible(timeout=NEWS)


def test_lead_redacts_a_message(site, window, customer):
    ticket = customer.open_ticket("My card", "My card number is 4111 1111 1111 1111")
    agent, lead = window("agent1"), window("lead")
    open_page(agent, site, ticket)
    expect(agent.locator(".wb-redact")).to_have_count(0)
    open_page(lead, site, ticket)

    lead.locator(".wb-redact").first.click()
    lead.get_by_role("button", name="Redact for good").click()

    expect(thread(lead)).to_contain_text("This message was removed.")
    expect(thread(lead)).not_to_contain_text("4111")
    lead.goto(f"{site.url}{QUEUE}?q=4111")
    expect(lead.locator("body")).not_to_contain_text("My card number")


def test_ticket_of_a_phone_call(site, window):
    page = window("agent1")
    page.goto(site.url + QUEUE)
    page.get_by_role("link", name="New ticket").click()
    page.get_by_placeholder("Name, phone or e-mail").fill("hawre")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name=re.compile("Hawre Ahmed")).click()
    page.fill("[name=subject]", "Called about the towels")
    page.fill("[name=message]", "The towels are wet.")
    page.get_by_role("button", name="Open the ticket").click()

    expect(page.locator(".wb-head h2", has_text="Called about the towels")).to_be_visible()
    expect(page.locator("#wb-details")).to_contain_text("Hawre Ahmed")
    expect(thread(page)).to_contain_text("Opened · Sara Kareem")


def test_next_ticket_by_key(site, window, customer):
    customer.open_ticket("Most urgent of all", priority="urgent")
    page = window("agent1")
    page.goto(site.url + QUEUE)
    page.keyboard.press("x")

    expect(page.locator("#wb-details")).to_contain_text("Sara Kareem")
    expect(page.locator(".wb-head h2")).to_contain_text("Most urgent of all")


@pytest.mark.parametrize("person", ["agent1", "lead"])
def test_arabic_reads_from_right_to_left(site, window, customer, person):
    ticket = customer.open_ticket("متى يصل الطلب")
    page = window(person, locale="ar")
    open_page(page, site, ticket)

    assert page.locator("html").get_attribute("dir") == "rtl"
    expect(page.get_by_role("button", name="إرسال", exact=True)).to_be_visible()
    box, aside = page.locator(".wb-conversation").bounding_box(), page.locator(".wb-panel").bounding_box()
    assert aside["x"] < box["x"], "the details stand on the left"


def test_phone_width_needs_no_sideways_scrolling(site, window, customer):
    ticket = customer.open_ticket("On a phone " + "x" * 150)
    page = window("agent1", viewport={"width": 390, "height": 844})
    for path in ("/admin/", QUEUE, f"{QUEUE}{ticket['id']}/change/"):
        page.goto(site.url + path)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path


def test_first_password_by_invitation(site, window, browser):
    admin = window("admin")
    admin.goto(f"{site.url}/admin/accounts/membership/add/")
    admin.fill("[name=email]", "new.agent@tigris.demo")
    admin.fill("[name=first_name]", "New")
    admin.select_option("[name=role]", "agent")
    admin.check("[name=is_support_user]")
    admin.get_by_role("button", name="Save", exact=True).click()
    expect(admin.get_by_text("shown only now")).to_be_visible()
    link = re.search(r"http://\S+/admin/invitation/\S+", admin.locator("body").inner_text())[0]
    context = browser.new_context()
    page = context.new_page()
    page.goto(link)
    page.fill("[name=password]", "a rather good secret")
    page.fill("[name=again]", "a rather good secret")
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_text("Your password is set.")).to_be_visible()
    context.close()


def test_work_in_the_product_left_no_server_error(site):
    assert '"status": 500' not in (site.folder / "product.log").read_text()
    assert "Internal Server Error" not in (site.folder / "product.log").read_text()
    assert run(site, "print('alive')").strip() == "alive"
