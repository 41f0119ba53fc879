"""An admin promises times, and an agent works by them, as people see it."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import run
from tests.e2e.test_accessible import serious_faults
from tests.e2e.test_webhooks import LOOKS, PHONE, WIDE

QUEUE, CALENDARS, POLICIES = "/admin/support/ticket/", "/admin/support/calendar/", "/admin/support/policy/"
SOON = 20_000
OFF = """
from support.models import Policy
from ondi.tenants.scope import find_tenants, tenant_scope
(tenant_id,) = find_tenants("tigris").values()
with tenant_scope(tenant_id):
    Policy.objects.update(is_active=False)
"""
LONG_TAG = """
from support.models import Tag
from ondi.tenants.scope import find_tenants, tenant_scope
(tenant_id,) = find_tenants("tigris").values()
with tenant_scope(tenant_id):
    Tag.objects.get_or_create(tenant_id=tenant_id, name="x" * 50)
"""


@pytest.fixture(autouse=True)
def nothing_promised(site):
    yield
    run(site, OFF)


def looked_at(page, name, folder):
    page.wait_for_timeout(600)  # colours fade in
    page.screenshot(path=Path(os.environ.get("PICTURES", folder)) / f"levels-{name}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name
    assert serious_faults(page) == [], name


def test_an_admin_promises_and_an_agent_works_by_it(site, window, customer, tmp_path):
    """Given an open ticket, when a calendar with a holiday and a policy are made, then it says by when."""
    ticket = customer.open_ticket("Where is my lamp")
    page = window("admin", **WIDE)

    page.goto(f"{site.url}{CALENDARS}add/")
    page.locator("[name=name]").fill("Around the clock")
    page.locator("[name=time_zone]").fill("Asia/Baghdad")
    for number in range(7):
        page.locator(f"[name=day_{number}]").fill("00:00-24:00")
    page.locator("[name=exceptions]").fill("2020-12-25 shut Christmas")
    page.locator("[name=_save]").click()
    expect(page.get_by_text("is no line like")).to_be_visible()
    looked_at(page, "calendar-refused", tmp_path)
    page.locator("[name=exceptions]").fill("2020-12-25 closed Christmas")
    page.locator("[name=_continue]").click()
    page.get_by_role("link", name="The days of this year that differ").click()
    page.goto(f"{page.url.split('?')[0]}?year=2027&country=IQ")
    page.get_by_label("Friday, 1 January 2027").check()
    page.get_by_role("button", name="Close on the chosen days").click()
    expect(page.get_by_text("1 day is closed.")).to_be_visible()
    expect(page.locator("table")).to_contain_text("Friday, 1 January 2027")
    looked_at(page, "year", tmp_path)

    page.goto(f"{site.url}{POLICIES}add/")
    page.locator("[name=name]").fill("Everybody")
    page.locator("[name=position]").fill("1")
    page.locator("[name=calendar]").select_option(label="Around the clock")
    page.locator("[name=first_response]").fill("25")
    page.locator("[name=_save]").click()
    expect(page.get_by_text("This changes what is promised for")).to_be_visible()
    looked_at(page, "policy-asks", tmp_path)
    page.locator("[name=seen]").check()
    page.locator("[name=_save]").click()
    expect(page.get_by_text("First response 25 min")).to_be_visible()
    looked_at(page, "policies", tmp_path)

    agent = window("agent1", **WIDE)
    agent.goto(f"{site.url}{QUEUE}?tab=open&sort=due&q=%23{ticket['number']}")
    row = agent.locator("#result_list tr", has_text=f"#{ticket['number']}")
    expect(row).to_contain_text("answer due in", timeout=SOON)
    looked_at(agent, "queue", tmp_path)
    agent.goto(f"{site.url}{QUEUE}{ticket['id']}/change/")
    expect(agent.locator("#wb-state")).to_contain_text("answer due in")
    assert customer.ask("GET", f"/customer/support/tickets/{ticket['id']}")["ticket"]["expected_reply_by"]
    agent.locator("#wb-reply textarea").fill("It comes today.")
    agent.keyboard.press("Control+Enter")
    expect(agent.locator("#wb-details")).to_contain_text("met", timeout=SOON)
    looked_at(agent, "ticket", tmp_path)


@pytest.mark.parametrize("look", LOOKS)
def test_promises_look_right_everywhere(site, window, tmp_path, look):
    """Given an admin's and an agent's pages in each look, then nothing is pushed off, and axe finds nothing serious.

    There is a tag of one word that is longer than a phone is wide.
    """
    run(site, LONG_TAG)
    admin = window("admin", **LOOKS[look])
    for name, path in (("calendars", CALENDARS), ("calendar", f"{CALENDARS}add/"), ("policy", f"{POLICIES}add/")):
        admin.goto(f"{site.url}{path}")
        looked_at(admin, f"{look}-{name}", tmp_path)
    agent = window("agent1", **{**PHONE, **LOOKS[look]})
    agent.goto(f"{site.url}{QUEUE}?tab=open&sort=due")
    looked_at(agent, f"{look}-queue", tmp_path)
