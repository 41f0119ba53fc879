"""An agent's day with a thumb: every screen of it on a phone, by tapping alone, and nothing to scroll sideways."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.test_fields import make_tags

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
THUMB, WITHIN_TEXT = 44, 24  # px


class Thumb:
    """What somebody does who holds a phone in one hand: they tap what they see, and type."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def tap(self, target: Locator, least: int = THUMB) -> None:
        """It is in view, no smaller than `least`, and the page it stands on no wider than the screen."""
        target.scroll_into_view_if_needed()
        self.is_narrow()
        label = target.locator("xpath=ancestor-or-self::*[self::label or self::summary][1]")
        box = (label if label.count() else target).bounding_box()
        size = PHONE["viewport"]
        assert box, f"{target} is not there"
        assert min(box["width"], box["height"]) >= least - 0.5, f"{target} is {box['width']} × {box['height']}"
        assert box["x"] >= 0, f"{target} begins beside the screen"
        assert box["x"] + box["width"] <= size["width"], f"{target} ends beside the screen"
        assert box["y"] >= 0, f"{target} begins above the screen"
        assert box["y"] + box["height"] <= size["height"], f"{target} ends below the screen"
        target.tap()

    def type(self, field: Locator, words: str) -> None:
        self.tap(field)
        self.page.keyboard.insert_text(words)

    def choose(self, field: Locator, value: str) -> None:
        """The phone itself shows the choices of a select."""
        self.tap(field)
        field.select_option(value)

    def find(self, link: Locator, words: str) -> None:
        """Type into the field that this opens, and take what is found first."""
        self.tap(link)
        expect(self.page.locator(".wb-finder:focus")).to_be_visible()
        self.page.keyboard.type(words)
        self.page.keyboard.press("Enter")

    def is_narrow(self) -> None:
        assert self.page.evaluate("document.documentElement.scrollWidth") <= PHONE["viewport"]["width"], self.page.url


@pytest.mark.parametrize("language", ["en", "ar"])
def test_a_day_with_a_thumb(site, window, customer, language):
    """Given a phone, when an agent works through a day by tapping, then all of it is done, in either direction."""
    make_tags(site, f"thumb {language}")
    subject = f"Thumb {language}"
    for priority in ("high", "low"):
        customer.open_ticket(f"{subject} {priority}", priority=priority)
    page = window("agent1", locale=language, **PHONE)
    thumb = Thumb(page)

    look_and_filter(thumb, page, subject)
    answer_and_note(thumb, page)
    change_the_fields(thumb, page, f"thumb {language}")
    attach_a_file(thumb, page)
    close_and_go_on(thumb, page)
    take_a_call(thumb, page, f"0781 55{len(language)} {ord(language[0])} 11")
    search_and_go_back(thumb, page, subject)


def look_and_filter(thumb, page, subject):
    thumb.tap(page.locator(".wb-tile[href*='assignee=nobody']"))
    expect(page.locator("#result_list")).to_be_visible()
    thumb.type(page.locator("#searchbar"), subject)
    page.keyboard.press("Enter")
    rows = page.locator("#result_list tbody tr")
    expect(rows).to_have_count(2)
    thumb.tap(page.locator("[popovertarget=wb-filter-priority]"))
    thumb.tap(page.locator("#wb-filter-priority input[value=high]"), WITHIN_TEXT)
    thumb.tap(page.locator("#wb-filter-priority button"))
    expect(rows).to_have_count(1)
    thumb.tap(page.locator(".wb-asked-chip").last, WITHIN_TEXT)
    expect(rows).to_have_count(2)
    thumb.tap(rows.filter(has_text="high").locator(".field-subject a"))
    expect(page.locator("#ticket")).to_be_visible()
    expect(page.locator("#wb-steps")).to_be_visible()


def answer_and_note(thumb, page):
    thumb.tap(page.locator("#wb-actions [data-key=c]"))
    expect(page.locator("#wb-details")).to_contain_text("Sara Kareem")
    thumb.type(page.locator("#wb-reply textarea"), "We are looking.")
    thumb.tap(page.locator("#wb-reply [data-send]"))
    expect(page.locator("#wb-thread .wb-agent")).to_contain_text("We are looking.")

    thumb.tap(page.locator(".wb-canned summary"))
    thumb.tap(page.locator(".wb-canned [data-canned]").first)
    expect(page.locator("#wb-reply textarea")).not_to_have_value("")
    thumb.tap(page.locator("#wb-reply [data-send]"))
    expect(page.locator("#wb-thread .wb-agent")).to_have_count(2)

    thumb.tap(page.locator("[data-mode=note]"))
    thumb.type(page.locator("#wb-note textarea"), "The courier knows it.")
    thumb.tap(page.locator("#wb-note [data-send]"))
    expect(page.locator("#wb-thread .wb-note")).to_contain_text("The courier knows it.")


def change_the_fields(thumb, page, tag):
    """Each from the sheet, which is opened where it does not stay."""
    sheet, urgent = page.locator("#wb-sheet"), page.locator("#wb-quick-priority option[value=urgent]").inner_text()
    fields = (
        ("#wb-toasts", tag, lambda: thumb.find(sheet.locator("#wb-find-tags"), tag)),
        ("#wb-toasts", urgent, lambda: thumb.choose(sheet.locator("#wb-quick-priority"), "urgent")),
        ("#wb-state", re.compile("Comes back:|تعود"), lambda: thumb.choose(sheet.locator("#wb-quick-snooze"), "1d")),
        ("#wb-toasts", "Yusuf Rahman", lambda: thumb.find(sheet.locator("#wb-find-assign"), "yus")),
    )
    for where, said, change in fields:
        if not sheet.is_visible():
            thumb.tap(page.locator(".wb-opens-sheet"))
        change()
        expect(page.locator(where)).to_contain_text(said, ignore_case=True)

    expect(page.locator("#wb-details")).to_contain_text("Yusuf Rahman")
    page.keyboard.press("Escape")  # as a phone's own way back does


def attach_a_file(thumb, page):
    thumb.tap(page.locator("[data-mode=reply]"))
    thumb.type(page.locator("#wb-reply textarea"), "Here is the receipt.")
    with page.expect_file_chooser() as chooser:
        thumb.tap(page.locator("#wb-reply [data-choose]"))
    chooser.value.set_files([{"name": "receipt.txt", "mimeType": "text/plain", "buffer": b"Paid."}])
    expect(page.locator("#wb-reply .wb-chip")).to_contain_text("receipt.txt")
    thumb.tap(page.locator("#wb-reply [data-send]"))
    expect(page.locator("#wb-thread .wb-file")).to_contain_text("receipt.txt", timeout=15_000)


def close_and_go_on(thumb, page):
    first = page.locator("#ticket").get_attribute("data-ticket")
    thumb.type(page.locator("#wb-reply textarea"), "It comes today.")
    thumb.tap(page.locator("#wb-reply [name=close]"))
    expect(page.locator("#wb-state .wb-closed")).to_be_visible()
    thumb.tap(page.locator("#wb-steps a:visible").first)
    expect(page.locator("#ticket")).not_to_have_attribute("data-ticket", first)


def take_a_call(thumb, page, number):
    thumb.tap(page.locator("[data-back]"))
    thumb.tap(page.locator(".wb-tools a[href$='phone/']"))
    thumb.type(page.locator("#wb-who"), number)
    thumb.tap(page.locator(".wb-search button"))
    thumb.tap(page.locator(".wb-card a[href*='new=1']"))
    for name, words in {"first_name": "Nadia", "subject": "Thumb call", "message": "Where is my sofa?"}.items():
        thumb.type(page.locator(f"[name={name}]"), words)
    thumb.tap(page.locator(".wb-new-caller button.wb-primary"))
    expect(page.locator("#wb-thread")).to_contain_text("Where is my sofa?")


def search_and_go_back(thumb, page, words):
    thumb.tap(page.locator(".wb-find-link"))
    thumb.type(page.locator("#wb-search"), words)
    thumb.tap(page.locator(".wb-search button"))
    thumb.tap(page.locator(".wb-finds-row").first)
    expect(page.locator(".wb-head h2")).to_contain_text(words)
    thumb.tap(page.locator("[data-back]"))
    expect(page.locator("#result_list")).to_be_visible()
    thumb.is_narrow()
