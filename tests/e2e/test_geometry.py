"""The workbench by measure: nothing overlaps, is cut or runs off the side, whatever the words, in both directions."""

import json

import pytest

from tests.e2e.browsing import Customer, run
from tests.registry.screens import MODELS

QUEUE = "/admin/support/ticket/"
LONG, ARABIC = "W" * 196, "ش" * 196
FILL = """
import json
from ondi.accounts.entering import acting_as
from ondi.accounts.models import Membership
from ondi.tenants.scope import find_tenants, tenant_scope
from orders.models import Order
from support.models import Tag, Ticket, TicketTag
from support.services import open_ticket, reply_to_ticket, write_note
tenant, ids = find_tenants("tigris")["tigris"], []
with tenant_scope(tenant):
    people = Membership.objects.select_related("user", "tenant__portal_settings")
    customer, agent = people.get(user__email="customer5@tigris.demo"), people.get(user__email="agent2@tigris.demo")
    for word in {words!r}:
        Membership.objects.filter(pk=customer.pk).update(first_name=word[:100], last_name=word[:100])
        order = Order.objects.create(tenant_id=tenant, customer=customer, number=word[:64])
        ticket = open_ticket(actor=acting_as(customer), subject=word, message=word * 3, priority="high",
                             source="storefront", order_id=order.id)
        write_note(actor=acting_as(agent), ticket_id=ticket.id, content=word)
        tag = Tag.objects.create(tenant_id=tenant, name=word[:50])
        TicketTag.objects.create(tenant_id=tenant, ticket=ticket, tag=tag)
        ids.append(str(ticket.id))
print(json.dumps(ids))
"""
# What a measure finds wrong, as sentences: what lies over something else that is pressed, what runs off the side, what
# shows only a part of its words without saying so, and cells that do not begin where their heading does.
MEASURE = """
() => {
  const wrong = [], root = document.documentElement, all = (selector, within) => [...within.querySelectorAll(selector)];
  const shown = (one) => one.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const words = (one) => (one.textContent || one.ariaLabel || "").trim().slice(0, 30);
  const name = (one) => `${one.tagName} ${one.className} “${words(one)}”`;
  const width = root.clientWidth, style = (one) => getComputedStyle(one);
  if (root.scrollWidth > width) wrong.push(`the page scrolls sideways: ${root.scrollWidth} of ${width}`);
  const main = document.querySelector("#main") || document.body;
  const sheet = document.querySelector("[popover]:popover-open");
  const apart = ".wb-toast, .wb-hidden, [popover]:not(:popover-open), .select2-container";
  const kinds = "a[href], button, select, input:not([type=hidden]), textarea, summary";
  const pressed = all(kinds, sheet || main).filter((one) => shown(one) && !one.closest(`${apart}, [aria-hidden=true]`));
  const composer = document.querySelector(".wb-composer")?.getBoundingClientRect().top ?? Infinity;
  for (const one of pressed) {
    const box = one.getBoundingClientRect(), x = box.left + box.width / 2, y = box.top + box.height / 2;
    if (!box.width || !box.height) continue;
    if (box.left < -1 || box.right > width + 1) wrong.push(`${name(one)} runs off the side`);
    if (x < 0 || y < 0 || x > innerWidth || y > innerHeight) continue;
    const thread = one.closest(".wb-thread")?.getBoundingClientRect();
    if (thread && (y < thread.top || y > Math.min(thread.bottom, composer))) continue; // scrolled away
    const over = document.elementFromPoint(x, y)?.closest("a, button, select, input, textarea, summary, label");
    const isItself = !over || over.contains(one) || one.contains(over) || over.control === one;
    if (!isItself && !over.closest(".wb-composer, #submit-row")) wrong.push(`${name(over)} lies over ${name(one)}`);
  }
  const texts = ".wb-button, .wb-label, .wb-tag, .wb-text, .wb-line, .wb-who, dd, th, h2, .wb-said, .wb-since";
  for (const one of all(texts, main).filter(shown)) {
    const isCut = one.scrollWidth > one.clientWidth + 1 && style(one).overflowX !== "visible";
    if (isCut && style(one).textOverflow !== "ellipsis") wrong.push(`${name(one)} is cut`);
  }
  const table = main.querySelector("#result_list"), heads = table ? all("thead th", table) : [];
  if (table && innerWidth >= 1024) [...(table.querySelector("tbody tr")?.children || [])].forEach((cell, place) => {
    const start = (one) => one.getBoundingClientRect()[root.dir === "rtl" ? "right" : "left"];
    if (heads[place] && Math.abs(start(cell) - start(heads[place])) > 1) wrong.push(`column ${place} left its heading`);
    if (style(cell).textAlign !== "start") wrong.push(`column ${place} is not aligned to its start`);
  });
  return [...new Set(wrong)].slice(0, 12);
}
"""
SIZES = {"1280": (1280, 720), "1400": (1400, 900), "1920": (1920, 1080), "390": (390, 844)}


@pytest.fixture(scope="module")
def hostile(site):
    return json.loads(run(site, FILL.format(words=[LONG, ARABIC])).splitlines()[-1])


@pytest.fixture(params=["en", "ar"])
def language(request):
    return request.param


@pytest.fixture(params=SIZES)
def size(request):
    width, height = SIZES[request.param]
    return {"width": width, "height": height}


def is_in_view(page, selector):
    box, size = page.locator(selector).first.bounding_box(), page.viewport_size
    assert box, selector
    return (
        box["x"] >= 0 and box["x"] + box["width"] <= size["width"] and 0 <= box["y"] <= size["height"] - box["height"]
    )


def test_the_screens_people_work_at(site, window, hostile, language, size):
    page = window("lead", viewport=size, locale=language)
    faults = {}
    for address in (f"{QUEUE}?tab=open", f"{QUEUE}?tab=open&q=WWWW", *(f"{QUEUE}{key}/change/" for key in hostile)):
        page.goto(site.url + address)
        page.wait_for_timeout(400)
        if found := page.evaluate(MEASURE):
            faults[address] = found
        wanted = "[data-send]" if "change" in address else "#result_list .wb-button" if "q=" in address else None
        if wanted and not is_in_view(page, wanted):
            faults[f"{address} {wanted}"] = ["is not in view"]

    assert not faults, json.dumps(faults, indent=1, ensure_ascii=False)


@pytest.mark.parametrize("width", ["1280", "390"])
def test_lists_and_forms_of_every_model(site, window, hostile, language, width):
    size = dict(zip(("width", "height"), SIZES[width], strict=True))
    page, faults = window("admin", viewport=size, locale=language), {}
    for label in MODELS:
        address = f"/admin/{label.replace('_', '/', 1)}/"
        page.goto(site.url + address)
        page.wait_for_timeout(150)
        if found := page.evaluate(MEASURE):
            faults[address] = found
        link = page.locator("#result_list a[href*='/change/']").first
        if page.locator("#result_list").count() and link.count():
            page.goto(site.url + link.get_attribute("href"))
            page.wait_for_timeout(150)
            if found := page.evaluate(MEASURE):
                faults[f"{address} a row"] = found

    assert not faults, json.dumps(faults, indent=1, ensure_ascii=False)


def test_the_bar_of_a_forms_buttons_hides_nothing_that_is_focused(site, window):
    """Given a form that is longer than the screen, when one goes through it by Tab, then each field is in view."""
    page = window("admin", viewport={"width": 1280, "height": 720})
    page.goto(f"{site.url}/admin/accounts/membership/")
    page.locator("#result_list a[href*='/change/']").first.click()
    bar, focused = page.locator("#submit-row"), page.locator("#membership_form :focus")
    page.locator("#id_first_name").focus()

    while focused.count():
        at = focused.bounding_box()
        assert at["y"] + at["height"] <= bar.bounding_box()["y"], focused.get_attribute("name")
        page.keyboard.press("Tab")

    assert page.locator("#submit-row :focus").count(), "the fields come before the bar's buttons"


@pytest.mark.parametrize("locale", ["en", "ar"])
def test_a_thumb_finds_everything_on_a_phone(site, window, hostile, locale):
    """Nothing that is pressed on the queue, a ticket and its sheet is smaller than 44 px, but words within text."""
    page = window("lead", viewport={"width": 390, "height": 844}, locale=locale, has_touch=True)
    small = {}
    for address in (f"{QUEUE}?tab=open", f"{QUEUE}{hostile[0]}/change/", "sheet"):
        if address == "sheet":
            page.locator(".wb-opens-sheet").click()
        else:
            page.goto(site.url + address)
            page.wait_for_timeout(300)
        if found := page.evaluate(SMALL):
            small[address] = found
    if page.locator("#wb-sheet").is_visible():
        assert page.evaluate(MEASURE) == []

    assert not small, json.dumps(small, indent=1, ensure_ascii=False)


SMALL = """
() => [...document.querySelectorAll("#content :is(a[href], button, select, summary, textarea)")]
  .filter((one) => one.checkVisibility({ visibilityProperty: true }))
  .filter((one) => !one.closest(".wb-text, .wb-toast, dd, .wb-timeline, .wb-hidden"))
  .filter((one) => !one.closest("#changelist-search, #changelist-actions"))
  .map((one) => [one, (one.closest("label") || one).getBoundingClientRect()])
  .filter(([, box]) => box.width && (box.height < 43.5 || box.width < 43.5))
  .map(([one, { width, height }]) => `${one.className} ${one.textContent.trim().slice(0, 30)} ${width}×${height}`)
  .slice(0, 12)
"""


def test_two_lines_a_ticket_on_a_phone(site, window):
    Customer(site.url, "customer3@tigris.demo").open_ticket("Two lines of a card")
    page = window("agent1", viewport={"width": 390, "height": 844})
    page.goto(f"{site.url}{QUEUE}?tab=open&q=Two+lines")

    card = page.locator("#result_list tbody tr", has_text="Two lines").first.bounding_box()

    assert card["height"] <= 130, "the subject, and a line of what is about it, each with room for a thumb"
