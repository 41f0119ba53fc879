"""`make screenshots`: the pictures of the README, from the demo."""

import re
from pathlib import Path

from tests.e2e.browsing import chromium, demo, sign_in

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "screenshots"
LOOKS = {
    "light": {"color_scheme": "light", "locale": "en"},
    "dark": {"color_scheme": "dark", "locale": "en"},
    "arabic": {"color_scheme": "light", "locale": "ar"},
    "phone": {"color_scheme": "light", "locale": "en", "viewport": {"width": 390, "height": 844}},
}


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with demo() as site, chromium() as browser:
        for look, options in LOOKS.items():
            context = browser.new_context(**{"viewport": {"width": 1360, "height": 850}, **options})
            page = sign_in(context.new_page(), site.url, "agent1@tigris.demo")
            page.wait_for_timeout(600)
            page.screenshot(path=FOLDER / f"dashboard-{look}.png")
            page.goto(f"{site.url}/admin/support/ticket/?tab=open")
            page.wait_for_timeout(600)
            page.screenshot(path=FOLDER / f"queue-{look}.png")
            page.goto(f"{site.url}/admin/support/ticket/?tab=mine")
            page.locator("a", has=page.locator("b", has_text=re.compile(r"^#1$"))).click()
            page.wait_for_timeout(900)
            page.screenshot(path=FOLDER / f"ticket-{look}.png")
            context.close()


if __name__ == "__main__":
    main()
