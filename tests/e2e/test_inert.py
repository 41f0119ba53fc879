"""Hostile text in every field that people write: on every screen it is text, in a browser that would run it."""

import json

import pytest

from tests.e2e.browsing import run
from tests.security.corpus import MARK, STRINGS

CHOSEN = [text for text in STRINGS if not any(ord(letter) < 32 or 0xD800 <= ord(letter) < 0xE000 for letter in text)][
    :140
]
FILL = """
import json
from ondi.accounts.entering import acting_as
from ondi.accounts.models import Membership
from ondi.tenants.scope import find_tenants, tenant_scope
from orders.models import Order
from support.models import CannedReply, Tag, TicketTag
from support.services import open_ticket, reply_to_ticket, write_note
texts = json.loads({texts!r})
tenant = find_tenants("tigris")["tigris"]
ids = []
with tenant_scope(tenant):
    people = Membership.objects.select_related("user", "tenant__portal_settings")
    customer, agent = people.get(user__email="customer5@tigris.demo"), people.get(user__email="agent2@tigris.demo")
    for number, text in enumerate(texts):
        Membership.objects.filter(pk=customer.pk).update(first_name=text[:100], last_name=text[:100])
        order = Order.objects.create(tenant_id=tenant, customer=customer, number=text[:60] + str(number))
        ticket = open_ticket(actor=acting_as(customer), subject=text[:200].strip(), message=text, priority="low",
                             source="storefront", order_id=order.id)
        reply_to_ticket(actor=acting_as(agent), ticket_id=ticket.id, content=text)
        write_note(actor=acting_as(agent), ticket_id=ticket.id, content=text)
        tag = Tag.objects.create(tenant_id=tenant, name=(text[:40] + str(number)))
        TicketTag.objects.create(tenant_id=tenant, ticket=ticket, tag=tag)
        CannedReply.objects.create(tenant_id=tenant, shortcut="x" + str(number), language="en", content=text)
        ids.append([str(ticket.id), str(order.id), str(tag.id)])
    print(json.dumps([ids, str(customer.id)]))
"""


def test_there_are_enough_of_them():
    assert len(CHOSEN) >= 100


@pytest.fixture(scope="module")
def hostile(site):
    return json.loads(run(site, FILL.format(texts=json.dumps(CHOSEN))).splitlines()[-1])


def test_nothing_runs_on_any_screen(site, window, hostile):
    ids, customer = hostile
    page = window("lead")
    page.context.add_init_script(f"window.{MARK} = () => {{ document.documentElement.dataset.hit = '1'; }}")
    queue = "/admin/support/ticket/"
    screens = [
        "/admin/", *(f"{queue}?tab={tab}&p={number}" for tab in ("open", "mine") for number in (1, 2, 3)),
        f"{queue}phone/?q=a", f"{queue}phone/?customer={customer}", f"/admin/accounts/membership/{customer}/change/",
        "/admin/support/tag/", "/admin/support/cannedreply/", "/admin/support/ticketnote/",
        "/admin/support/ticketevent/",
        "/admin/conversations/conversation/", "/admin/conversations/message/", "/admin/orders/order/",
        "/admin/accounts/membership/", "/admin/search/?s=alert",
    ]  # fmt: skip
    for ticket, _order, _tag in ids:
        screens += [f"{queue}{ticket}/change/"]
    for ticket, order, tag in ids[::20]:
        screens += [f"{queue}{ticket}/action/{action}/" for action in ("tags", "link", "assign")]
        screens += [f"/admin/orders/order/{order}/change/", f"/admin/support/tag/{tag}/change/"]
    shown = 0
    for screen in screens:
        page.goto(site.url + screen)
        assert page.evaluate("document.documentElement.dataset.hit") is None, screen
        shown += MARK in page.content()
    assert shown > len(ids)


def test_typed_and_sent_again_it_stays_text(site, window, hostile):
    """Through the composer, the canned replies and the search box."""
    ticket = hostile[0][0][0]
    page = window("lead")
    page.context.add_init_script(f"window.{MARK} = () => {{ document.documentElement.dataset.hit = '1'; }}")
    for text in CHOSEN[:8]:
        page.goto(f"{site.url}/admin/support/ticket/{ticket}/change/")
        page.locator("#wb-reply textarea").fill(text)
        page.get_by_role("button", name="Send", exact=True).click()
        page.wait_for_url("**/change/**")
        assert page.evaluate("document.documentElement.dataset.hit") is None
    page.locator(".wb-canned summary").click()
    page.locator("[data-canned]").first.click()
    assert page.evaluate("document.documentElement.dataset.hit") is None
