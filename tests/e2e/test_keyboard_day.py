"""An agent's day without a mouse: signing in, the queue, a ticket, an answer, a note, and signing out; twice, once in
Arabic on a keyboard with Arabic letters, whose events say the Arabic letter and the Latin key."""

import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import PASSWORD

QUEUE = "/admin/support/ticket/"
# What these keys write on an Arabic keyboard (101); their places are those of the Latin letters.
ARABIC = {"j": "ت", "k": "ن", "r": "ق", "n": "ى", "c": "ؤ", "q": "ض", "x": "ء", "/": "ظ"}
CODES = {"/": "Slash"}
MOST_TABS = 150


class Latin:
    """A keyboard as Playwright types on it."""

    def __init__(self, page):
        self.page = page

    def letter(self, letter):
        self.page.keyboard.press(letter)

    def write(self, text):
        self.page.keyboard.type(text)


class Arabic:
    """Keys as a browser sends them while the Arabic layout is on."""

    def __init__(self, page):
        self.devtools = page.context.new_cdp_session(page)

    def letter(self, letter):
        code = CODES.get(letter, f"Key{letter.upper()}")
        key = {"key": ARABIC[letter], "code": code, "windowsVirtualKeyCode": ord(letter.upper())}
        self._press(ARABIC[letter], key)

    def write(self, text):
        for letter in text:
            self._press(letter, {"key": letter})

    def _press(self, text, key):
        self.devtools.send("Input.dispatchKeyEvent", {"type": "keyDown", "text": text, **key})
        self.devtools.send("Input.dispatchKeyEvent", {"type": "keyUp", **key})


def tab_to(page, target, key="Tab"):
    """Press Tab until this is focused, as somebody does who sees where they are."""
    for _press in range(MOST_TABS):
        if target.evaluate("node => node === document.activeElement"):
            return
        page.keyboard.press(key)
    raise AssertionError(f"no key leads to {target}")


def sign_in_by_keys(page, site, person, language):
    page.goto(f"{site.url}/admin/login/?next={QUEUE}%3Ftab=unassigned%26q=Keyboard+parcel+{language}")
    tab_to(page, page.locator("[name=username]"))
    page.keyboard.type(person)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    ready(page, "#result_list")


def ready(page, shown="body"):
    """The page that shows this is there as a whole, and its keys with it."""
    page.locator(shown).first.wait_for()
    page.wait_for_load_state()


@pytest.fixture
def by_keys(site, browser, customer):
    """`by_keys("en")`: an agent's window with two tickets to work on. A click in it would be none of the day's."""
    contexts = []

    def begin(language):
        for number in range(2):
            customer.open_ticket(f"Keyboard parcel {number} {language}")
        context = browser.new_context(locale=language, viewport={"width": 1280, "height": 800})
        contexts.append(context)
        context.add_init_script("addEventListener('mousedown', () => { document.title = 'a mouse'; }, true)")
        page = context.new_page()
        page.set_default_timeout(30_000)
        sign_in_by_keys(page, site, "agent1@tigris.demo", language)
        return page

    yield begin
    for context in contexts:
        context.close()


@pytest.mark.parametrize(("language", "layout"), [("en", Latin), ("ar", Arabic)])
def test_a_day_by_keyboard_alone(by_keys, language, layout):
    """Given two tickets, when an agent claims, answers, notes, closes and snoozes by keys, then all of it is done."""
    page = by_keys(language)
    keys = layout(page)
    rows = page.locator("#result_list tbody tr")
    expect(rows).to_have_count(2)
    expect(page.locator("html")).to_have_attribute("dir", "rtl" if language == "ar" else "ltr")

    keys.letter("j")
    keys.letter("j")
    keys.letter("k")
    expect(rows.nth(0).locator("a[href*='/change/']").first).to_be_focused()
    page.keyboard.press("Enter")
    ready(page, "#ticket")
    first = page.locator("#ticket").get_attribute("data-ticket")

    keys.letter("c")
    expect(page.locator("#wb-details")).to_contain_text("Sara Kareem")
    ready(page)
    keys.letter("n")
    expect(page.locator("#wb-note textarea")).to_be_focused()
    page.keyboard.type("The courier knows it.")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#wb-thread .wb-note")).to_contain_text("The courier knows it.")
    ready(page)
    keys.letter("r")
    expect(page.locator("#wb-reply textarea")).to_be_focused()
    page.keyboard.type("It comes today.")
    page.keyboard.press("Control+Shift+Enter")
    ready(page, "#wb-state .wb-closed")

    keys.letter("q")
    ready(page, "#result_list")
    keys.letter("/")
    expect(page.locator("#searchbar")).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type(f"Keyboard parcel {language}")
    page.keyboard.press("Enter")
    expect(page.locator("#result_list tbody tr")).to_have_count(1)
    ready(page)
    keys.letter("j")
    page.keyboard.press("Enter")
    expect(page.locator("#ticket")).not_to_have_attribute("data-ticket", first)
    ready(page)

    snooze = page.locator("#wb-actions [name=when]")
    tab_to(page, snooze)
    keys.write(snooze.locator("option[value='1d']").inner_text()[:7])
    expect(page.locator("#wb-state")).to_contain_text({"en": "Comes back:", "ar": "تعود"}[language])

    menu = page.locator("#nav-sidebar button[aria-haspopup]")
    tab_to(page, menu, "Shift+Tab")
    page.keyboard.press("Enter")
    tab_to(page, page.locator("#logout-form button"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/logout/")
    assert "a mouse" not in page.title()
    page.goto(page.url.replace("logout/", "support/ticket/"))
    expect(page.locator("[name=username]")).to_be_visible()
