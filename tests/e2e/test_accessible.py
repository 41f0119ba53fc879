"""axe finds nothing on any screen of the registry, in light, dark and Arabic; its best practices are asked too."""

import json

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.e2e.browsing import run
from tests.registry.screens import MODELS, OPENED

LANGUAGES = ("en", "ar")
NO_PAGES = {
    "support_ticket_news", "support_ticket_colleagues", "support_ticket_notifications_news", "support_ticket_export",
}  # fmt: skip
LOOKS = {
    "light": {"color_scheme": "light", "locale": "en"},
    "dark": {"color_scheme": "dark", "locale": "en"},
    "arabic": {"color_scheme": "light", "locale": "ar"},
}
QUEUE = "/admin/support/ticket/"
ADDED = {
    "lead": ("support/cannedreply", "support/tag"),
    "admin": ("accounts/apikey", "accounts/membership", "support/calendar", "support/policy", "webhooks/endpoint"),
}
ROWS = """
import json
from ondi.accounts.api_keys import issue_api_key
from ondi.tenants.scope import find_tenants, tenant_scope
from support.models import Calendar, Tag, Ticket
(tenant_id,) = find_tenants("tigris").values()
with tenant_scope(tenant_id):
    ticket = Ticket.objects.open().exclude(delivery=None).exclude(assignee=None).order_by("number").first()
    message = ticket.conversation.messages.get(sequence=1)
    found = {
        "tenant": tenant_id, "ticket": ticket.id, "message": message.id, "customer": ticket.requester_id,
        "delivery": ticket.delivery_id, "order": Ticket.objects.exclude(order=None).first().order_id,
        "action": "priority", "tag": Tag.objects.first().id, "calendar": Calendar.objects.first().id,
        "key": issue_api_key(tenant_id=tenant_id, name="Looked at")[0].id,
    }
print(json.dumps(found, default=str))
"""


@pytest.fixture(scope="module")
def ids(site):
    """The rows that addresses of the registry name."""
    return json.loads(run(site, ROWS).splitlines()[-1])


def faults(page, *impacts, rules=()):
    """What axe finds, of these impacts or any, by these rules or all: the rule, what it asks for, and where."""
    options = {"runOnly": {"type": "rule", "values": list(rules)}} if rules else {}
    return [
        (one["id"], one["help"], [node["html"][:200] for node in one["nodes"]][:5])
        for one in Axe().run(page, options=options).response["violations"]
        if not impacts or one["impact"] in impacts
    ]


def serious_faults(page):
    return faults(page, "serious", "critical")


@pytest.fixture(scope="module")
def addresses(site, ids):
    """Of the registry's screens, by who opens them; of each model the list, and a form for a new row."""
    of_person = {"lead": [], "admin": [], "operator": [f"/admin/{model.replace('_', '/')}/" for model in MODELS]}
    for screen in OPENED:
        person = next((one for one in of_person if one in screen.who), "operator")
        if set(screen.kinds) <= set(ids) and screen.name not in NO_PAGES:
            of_person[person].append(screen.address(ids))
    for person, models in ADDED.items():
        of_person[person] += [f"/admin/{model}/add/" for model in models]
    return of_person


def faults_in_the_dark(page):
    page.evaluate("document.documentElement.classList.add('dark')")
    page.wait_for_timeout(250)  # colors fade
    return faults(page, rules=["color-contrast"])


def first_row_of(page, path):
    row = page.locator(f"#result_list tbody a[href*='{path}'][href*='/change/']").first
    return [row.get_attribute("href")] if row.count() else []


@pytest.mark.parametrize("language", LANGUAGES)
def test_axe_finds_nothing_on_any_screen(site, window, addresses, language):
    """Given every screen and a row's page of every list: all rules in light, and in dark those of colors."""
    found = {}
    for person, paths in addresses.items():
        page = window("operator@ondi.demo" if person == "operator" else person, locale=language, color_scheme="light")
        left = list(paths)
        while left:
            path = left.pop(0)
            page.goto(site.url + path)
            if path in paths and person == "operator":
                left += first_row_of(page, path)
            if fault := [*faults(page), *(faults_in_the_dark(page) if language == "en" else ())]:
                found[path] = fault

    assert found == {}, json.dumps(found, indent=1, ensure_ascii=False)


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_before_one_is_in(site, browser, look):
    context = browser.new_context(**LOOKS[look])
    page = context.new_page()
    for path in ("/admin/login/", "/admin/invitation/gone/"):
        page.goto(site.url + path)
        page.wait_for_timeout(200)
        assert faults(page) == [], path
    context.close()


def test_one_key_leads_past_the_side_bar(site, window):
    page = window("agent1")
    page.goto(site.url + QUEUE)

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")

    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('#content').contains(document.activeElement)")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_serious_finding_while_colleagues_are_offered(site, window, customer, scheme):
    page = window("agent1", color_scheme=scheme)
    page.goto(f"{site.url}{QUEUE}{customer.open_ticket('Offered')['id']}/change/")
    page.keyboard.press("n")
    page.keyboard.type("@")
    page.locator("#wb-colleagues").get_by_role("option").first.wait_for()
    page.wait_for_timeout(600)

    assert not serious_faults(page)
