"""axe finds nothing serious on the screens people work at."""

import pytest
from axe_playwright_python.sync_playwright import Axe

SCREENS = ("/admin/", "/admin/support/ticket/?tab=open", "ticket")


def serious_faults(page):
    return [
        (one["id"], one["help"], [node["html"][:200] for node in one["nodes"]][:5])
        for one in Axe().run(page).response["violations"]
        if one["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize(("scheme", "language"), [("light", "en"), ("dark", "en"), ("light", "ar")])
def test_no_serious_finding(site, window, customer, screen, scheme, language):
    if screen == "ticket":
        screen = f"/admin/support/ticket/{customer.open_ticket('Accessible')['id']}/change/"
    page = window("agent1", color_scheme=scheme, locale=language)
    page.goto(site.url + screen)
    page.wait_for_timeout(600)  # colours fade in

    assert not serious_faults(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_serious_finding_while_colleagues_are_offered(site, window, customer, scheme):
    page = window("agent1", color_scheme=scheme)
    page.goto(f"{site.url}/admin/support/ticket/{customer.open_ticket('Offered')['id']}/change/")
    page.keyboard.press("n")
    page.keyboard.type("@")
    page.locator("#wb-colleagues").get_by_role("option").first.wait_for()
    page.wait_for_timeout(600)

    assert not serious_faults(page)
