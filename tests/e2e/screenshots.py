"""`make screenshots`: the pictures of the README, from the demo."""

from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from tests.e2e.browsing import chromium, demo, sign_in

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "screenshots"
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "locale": "en"},
    "dark": {"color_scheme": "dark", "locale": "en"},
    "arabic": {"color_scheme": "light", "locale": "ar"},
    "phone": {"color_scheme": "light", "locale": "en", "viewport": {"width": 390, "height": 844}},
}
QUEUE = "/admin/support/ticket/"
PAGES = {
    "dashboard": "/admin/",
    "queue": f"{QUEUE}?tab=open",
    "search": f"{QUEUE}?q=delivery",
    "calls": f"{QUEUE}phone/?q=kar",
}
CHECKED = 60_000


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with demo() as site, chromium() as browser:
        for look, options in LOOKS.items():
            take(browser, site.url, look, options)


def take(browser: Browser, url: str, look: str, options: dict[str, Any]) -> None:
    """Every page in this look, and the ticket that an agent of the demo works on."""
    context = browser.new_context(**{"viewport": {"width": 1360, "height": 850}, **options})
    page = sign_in(context.new_page(), url, "agent1@tigris.demo")
    for name, path in PAGES.items():
        page.goto(url + path)
        shoot(page, f"{name}-{look}")
    page.goto(f"{url}{QUEUE}?tab=mine&q=tracking")
    page.locator("#result_list tbody a[href*='/change/']").first.click()
    page.locator("#ticket").wait_for()
    shoot(page, f"ticket-{look}")
    page.goto(f"{url}{QUEUE}?tab=closed&q=cup")
    page.locator("#result_list tbody a[href*='/change/']").first.click()
    page.locator(".wb-thumbnail img").first.wait_for(timeout=CHECKED)  # the work process has looked at it
    shoot(page, f"files-{look}")
    context.close()


def shoot(page: Page, name: str) -> None:
    page.wait_for_timeout(900)  # fonts, colors that fade in, the bell
    page.screenshot(path=FOLDER / f"{name}.png")


if __name__ == "__main__":
    main()
