"""What browsers and people do to forms: click twice, go back, lose the session, leave the chair to a colleague."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import PASSWORD, run, sign_in
from tests.e2e.test_agents_day import NEWS, QUEUE, open_page, thread, write

LONG = "W" * 196


def sign_in_here(page, person):
    """On the sign-in page that came between."""
    page.fill("[name=username]", f"{person}@tigris.demo")
    page.fill("[name=password]", PASSWORD)
    page.click("button[type=submit]")


def call_form(page, site, who="customer4@tigris.demo"):
    page.goto(f"{site.url}{QUEUE}phone/?q={who}")
    page.locator(".wb-people a").first.click()
    expect(page.locator("[name=subject]")).to_be_visible()


def of_subject(site, subject):
    """How many tickets have it, behind the browser's back."""
    code = (
        "from ondi.tenants.scope import find_tenants, tenant_scope; from support.models import Ticket\n"
        "with tenant_scope(*find_tenants('tigris').values()): "
        f"print(Ticket.objects.filter(subject={subject!r}).count())"
    )
    return int(run(site, code).strip())


class TestTwice:
    def test_two_clicks_open_one_ticket(self, site, window):
        page = window("agent1")
        call_form(page, site)
        page.fill("[name=subject]", "Clicked twice")
        page.fill("[name=message]", "x")
        page.locator(".wb-primary").dblclick()

        expect(page.locator(".wb-head h2")).to_contain_text("Clicked twice")
        assert of_subject(site, "Clicked twice") == 1

    def test_back_after_sending_is_an_empty_composer(self, site, window, customer):
        ticket = customer.open_ticket("Back button")
        page = window("agent1")
        open_page(page, site, ticket)
        write(page, "Sent once")
        expect(page.get_by_text("Sent.", exact=True)).to_be_visible()

        page.go_back()

        expect(page.locator("#ticket")).to_be_visible()
        expect(page.locator("#wb-reply textarea")).to_have_value("")

    def test_back_after_opening_a_ticket_is_an_empty_form(self, site, window):
        page = window("agent1")
        call_form(page, site)
        page.fill("[name=subject]", "Opened once")
        page.fill("[name=message]", "x")
        page.locator(".wb-primary").click()
        expect(page.locator("#ticket")).to_be_visible()

        page.go_back()

        expect(page.locator("[name=subject]")).to_have_value("")


class TestLostSession:
    @pytest.fixture(params=["session", "all cookies"])
    def lose(self, request):
        """The session ends; or its cookies are all gone, with the form's own token."""

        def lose(page):
            if request.param == "session":
                page.context.clear_cookies(name=re.compile("session"))
            else:
                page.context.clear_cookies()

        return lose

    def back_in(self, page, person="agent1"):
        expect(page.locator("[data-wb-lost], #login-form")).to_be_visible()
        if page.locator("[data-wb-lost]").count():
            page.get_by_role("link", name="Back to the page").click()
        sign_in_here(page, person)

    def test_on_the_phone_form(self, site, window, lose):
        page = window("agent1")
        call_form(page, site)
        page.fill("[name=subject]", "Long call")
        page.fill("[name=message]", "All they said")
        page.select_option("[name=priority]", "high")
        lose(page)
        page.locator(".wb-primary").click()
        self.back_in(page)

        expect(page.locator("[name=message]")).to_have_value("All they said")
        expect(page.locator("[name=subject]")).to_have_value("Long call")
        expect(page.locator("[name=priority]")).to_have_value("high")
        expect(page.get_by_text("This was not sent yet.")).to_be_visible()

    def test_on_an_action_that_asks(self, site, window, customer, lose):
        ticket = customer.open_ticket("Theirs")
        theirs = window("agent2")
        open_page(theirs, site, ticket)
        theirs.keyboard.press("c")
        expect(theirs.get_by_text("is yours.")).to_be_visible()
        page = window("agent1")
        open_page(page, site, ticket)
        page.locator(".wb-more summary").click()
        page.locator("#wb-actions").get_by_text("Take over").click()
        page.locator("#wb-dialog [name=reason]").fill("They are ill and I know the case")
        lose(page)
        page.locator("#wb-dialog button[type=submit]").click()
        self.back_in(page)

        expect(page.locator("[name=reason]")).to_have_value("They are ill and I know the case")

    def test_on_a_note(self, site, window, customer, lose):
        page = window("agent1")
        open_page(page, site, customer.open_ticket("Noted"))
        page.keyboard.press("n")
        page.keyboard.type("Call the courier")
        lose(page)
        page.keyboard.press("Control+Enter")
        self.back_in(page)

        expect(page.locator("#wb-note textarea")).to_have_value("Call the courier")

    def test_on_a_form_of_the_admin(self, site, window, lose):
        page = window("agent1")
        page.goto(f"{site.url}/admin/support/cannedreply/add/")
        page.fill("[name=shortcut]", "late")
        page.fill("[name=content]", "We are sorry that it is late.")
        lose(page)
        page.get_by_role("button", name="Save", exact=True).click()
        self.back_in(page)

        expect(page.locator("[name=content]")).to_have_value("We are sorry that it is late.")
        expect(page.locator("[name=shortcut]")).to_have_value("late")

    def test_on_chosen_rows_of_the_queue(self, site, window, customer, lose):
        ticket = customer.open_ticket("Chosen row")
        page = window("agent1")
        page.goto(f"{site.url}{QUEUE}?tab=open&q=Chosen+row")  # the first page is full by now
        page.check(f"input.action-select[value='{ticket['id']}']")
        page.select_option("[name=action]", "claim_selected")
        lose(page)
        page.get_by_role("button", name="Run").click()
        self.back_in(page)

        expect(page.locator(f"input.action-select[value='{ticket['id']}']")).to_be_checked()

    def test_but_not_to_somebody_else(self, site, window, lose):
        page = window("agent1")
        call_form(page, site)
        page.fill("[name=message]", "Said to the first agent")
        lose(page)
        page.locator(".wb-primary").click()
        self.back_in(page, "agent2")

        expect(page.locator("[name=message]")).to_have_value("")
        call_form(page, site)
        expect(page.locator("[name=message]")).to_have_value("")


class TestDrafts:
    def leave(self, page):
        page.evaluate("[...document.forms].find((form) => form.action.includes('logout')).submit()")
        page.wait_for_url("**/logout/")

    def drafts(self, page):
        return page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('desk-draft'))")

    def test_go_at_sign_out(self, site, window, customer):
        ticket = customer.open_ticket("Foreign draft")
        page = window("agent1")
        open_page(page, site, ticket)
        page.route("**/draft/", lambda route: route.abort())  # the server's copy is another matter
        page.locator("#wb-reply textarea").fill("Half a sentence")
        assert len(self.drafts(page)) == 1
        page.goto(f"{site.url}/admin/")

        self.leave(page)

        assert self.drafts(page) == []
        sign_in(page, site.url, "agent2@tigris.demo")
        open_page(page, site, ticket)
        expect(page.locator("#wb-reply textarea")).to_have_value("")

    def test_go_when_somebody_else_signs_in(self, site, window, customer):
        ticket = customer.open_ticket("Left open")
        page = window("agent1")
        open_page(page, site, ticket)
        page.locator("#wb-reply textarea").fill("Mine alone")
        page.context.clear_cookies()

        sign_in(page, site.url, "agent2@tigris.demo")
        open_page(page, site, ticket)

        expect(page.locator("#wb-reply textarea")).to_have_value("")
        assert self.drafts(page) == []


def test_refused_answer_goes_on_hearing_news(site, window, customer):
    ticket = customer.open_ticket("Quicker")
    page = window("agent1")
    open_page(page, site, ticket)
    page.locator("#wb-reply textarea").fill("An answer")
    customer.say(ticket, "I was quicker")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_text("Not sent yet: something changed while you were writing.")).to_be_visible()

    customer.say(ticket, "And one more thing")

    expect(thread(page)).to_contain_text("And one more thing", timeout=NEWS)
    expect(page.locator("#wb-lost")).to_be_hidden()
    expect(page.locator("#wb-reply textarea")).to_have_value("An answer")
    page.reload()
    expect(page.locator("#wb-reply textarea")).to_have_value("An answer")


def test_placeholder_without_value_is_not_sent(site, window, customer):
    page = window("agent1")
    open_page(page, site, customer.open_ticket("Placeholder"))
    text = page.locator("#wb-reply textarea")
    text.fill("Your delivery {delivery_code} is late")

    page.get_by_role("button", name="Send", exact=True).click()

    expect(page.get_by_text("Fill in or remove before it can be sent: {delivery_code}")).to_be_visible()
    assert text.evaluate("node => node.value.slice(node.selectionStart, node.selectionEnd)") == "{delivery_code}"
    text.fill("Your delivery is late")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_text("Sent.", exact=True)).to_be_visible()


def test_keys_work_on_an_arabic_keyboard(site, window, customer):
    page = window("agent1", locale="ar")
    open_page(page, site, customer.open_ticket("مفاتيح"))
    press = (
        "(key) => document.body.dispatchEvent(new KeyboardEvent('keydown', {...key, bubbles: true, cancelable: true}))"
    )

    page.evaluate(press, {"key": "ى", "code": "KeyN"})
    expect(page.locator("#wb-note textarea")).to_be_focused()
    page.locator("#wb-note textarea").blur()
    page.evaluate(press, {"key": "ق", "code": "KeyR"})
    expect(page.locator("#wb-reply textarea")).to_be_focused()
    page.locator("#wb-reply textarea").blur()
    page.evaluate(press, {"key": "n", "code": "KeyL"})  # a Latin keyboard of another order
    expect(page.locator("#wb-note textarea")).to_be_focused()


class TestQueue:
    @pytest.mark.parametrize("locale", ["en", "ar"])
    def test_claim_is_in_view_whatever_the_subject(self, site, window, customer, locale):
        ticket = customer.open_ticket(LONG, "M" * 3000)
        page = window("agent1", viewport={"width": 1280, "height": 800}, locale=locale)
        page.goto(f"{site.url}{QUEUE}?tab=unassigned&q=%23{ticket['number']}")  # however many wait before it
        row = page.locator("#result_list tr", has_text=f"#{ticket['number']}")

        box = row.locator("button").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 1280
        shown = page.locator("#result_list").bounding_box()
        assert shown["x"] >= 0
        assert shown["x"] + shown["width"] <= 1280
        for code in page.locator(".wb-code").all():
            assert code.evaluate("node => node.getClientRects().length") == 1, "codes do not wrap"
            assert code.bounding_box()["height"] < 30
        row.locator("button").click()
        expect(page.locator("#wb-lost")).to_be_hidden()

    @pytest.mark.parametrize("way", ["link", "key"])
    def test_back_means_back(self, site, window, customer, way):
        customer.open_ticket("Way back")
        page = window("agent1")
        page.goto(f"{site.url}{QUEUE}?tab=open&q=Way+back&priority__exact=medium")
        page.locator("#result_list").get_by_text("Way back").first.click()
        expect(page.locator("#ticket")).to_be_visible()
        page.wait_for_load_state()  # before it no key is heard
        page.keyboard.press("n")
        page.keyboard.type("Looked at it")
        page.keyboard.press("Control+Enter")
        expect(page.get_by_text("Note written.")).to_be_visible()

        page.locator("[data-back]").click() if way == "link" else page.keyboard.press("q")

        page.wait_for_url("**/ticket/?tab=open&q=Way+back&priority__exact=medium")

    @pytest.mark.parametrize("width", [390, 1280])
    def test_names_without_a_blank_need_no_sideways_scrolling(self, site, window, width):
        run(site, (
            "from ondi.accounts.services import add_member; from ondi.tenants.scope import find_tenants, tenant_scope\n"
            "from ondi.accounts.models import Membership\n"
            "[tenant] = find_tenants('tigris').values()\n"
            "with tenant_scope(tenant):\n"
            "    if not Membership.objects.filter(first_name='X' * 100).exists():\n"
            "        add_member(tenant_id=tenant, email='x' * 60 + '@long.example', role='customer',"
            " phone='+964' + '7' * 20, first_name='X' * 100, last_name='Y' * 100)"
        ))  # fmt: skip
        page = window("agent1", viewport={"width": width, "height": 800})
        page.goto(f"{site.url}{QUEUE}phone/?q={'X' * 30}")
        too_wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(too_wide) == 0
        page.locator(".wb-people a").first.click()
        expect(page.locator("[name=subject]")).to_be_visible()
        assert page.evaluate(too_wide) == 0
