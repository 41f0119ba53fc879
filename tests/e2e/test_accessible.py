"""axe finds nothing serious on the screens people work at."""

import pytest
from axe_playwright_python.sync_playwright import Axe

SCREENS = ("/admin/", "/admin/support/ticket/?tab=open", "ticket")


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize(("scheme", "language"), [("light", "en"), ("dark", "en"), ("light", "ar")])
def test_no_serious_finding(site, window, customer, screen, scheme, language):
    if screen == "ticket":
        screen = f"/admin/support/ticket/{customer.open_ticket('Accessible')['id']}/change/"
    page = window("agent1", color_scheme=scheme, locale=language)
    page.goto(site.url + screen)
    page.wait_for_timeout(600)  # colours fade in

    assert serious_faults(page) == []


def serious_faults(page):
    """What axe finds: which rule, in words, and where."""
    found = Axe().run(page).response["violations"]
    return [
        (one["id"], one["help"], [node["html"][:200] for node in one["nodes"]][:5])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
