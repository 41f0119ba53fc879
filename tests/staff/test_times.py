"""One time zone, the tenant's and named, in every list, page, form, bulk act and file; and dates no zone can hold."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.apps import apps
from django.utils import timezone

from deliveries.models import Delivery
from ondi.accounts.models import ApiKey
from ondi.common.times import in_words
from ondi.tenants.scope import tenant_scope
from support.services import snooze_ticket
from tests.factories import (
    DeliveryFactory,
    MemberFactory,
    OrderFactory,
    TenantFactory,
    UserFactory,
    actor,
    make_ticket,
    reload,
)
from tests.registry.screens import MODELS
from tests.staff.test_pages import fill, paths
from tests.workbench import workbench

pytestmark = pytest.mark.django_db(transaction=True)
QUEUE = "/admin/support/ticket/"
NOW = datetime(2026, 3, 5, 11, 37, 42, tzinfo=UTC)  # 11:37 is UTC; 01:37 of the next day is the tenant's
FAR_EAST, FAR_WEST = "Pacific/Kiritimati", "America/New_York"
NEVER = [datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)]


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def tenant():
    return TenantFactory(time_zone=FAR_EAST)


def people_of(tenant):
    kinds = {"support_user": "agent", "lead": "lead", "viewer": "viewer", "admin": "admin"}
    return {name: MemberFactory(tenant=tenant, **{trait: True}) for name, trait in kinds.items()}


def shown(client, path):
    """A page as it is seen: without what only machines read."""
    answer = client.get(path, follow=True)
    assert answer.status_code == 200, path
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return re.sub(r'datetime="[^"]*"', "", body.decode())


def every_page(tenant, tickets):
    for model in MODELS:
        path = f"/admin/{model.replace('_', '/')}/"
        yield path
        with tenant_scope(tenant.id):
            row = apps.get_model(model.replace("_", "."))._default_manager.first()
        if row is not None:
            yield f"{path}{row.pk}/change/"
    yield from paths(tickets).values()
    yield f"{QUEUE}?tab=snoozed"


def test_no_page_shows_another_zone_and_each_names_its_own(tenant):
    people = people_of(tenant)
    tickets = fill(tenant, people, 3)
    with tenant_scope(tenant.id):
        snooze_ticket(actor=actor(people["support_user"]), ticket_id=tickets[1].id, until=NOW + timedelta(days=2))
        Delivery.objects.update(promised_at=NOW, delivered_at=NOW)
    people["lead"].user.is_superuser = True  # so that no screen is closed
    people["lead"].user.save()
    client, with_times = workbench(people["lead"].user), set()

    for path in every_page(tenant, tickets):
        page = shown(client, path)
        assert "11:37" not in page, (path, page[page.index("11:37") - 200 :][:300])
        if re.search(r"\b0?1:37", page):
            with_times.add(path)
            assert FAR_EAST in page, path
        if "<html" in page:
            assert f"times in {FAR_EAST}" in page, path

    lists = {"orders/order", "deliveries/delivery", "support/ticketevent", "conversations/message", "accounts/apikey"}
    assert {f"/admin/{name}/" for name in lists} <= with_times
    assert {f"{QUEUE}?tab=snoozed", f"{QUEUE}export/?tab=open"} <= with_times
    assert any("/orders/order/" in path and "/change/" in path for path in with_times)


def test_rows_of_several_tenants_are_each_in_their_own_zone(tenant):
    western = TenantFactory(time_zone=FAR_WEST)
    bought = {one: OrderFactory(tenant=one, placed_at=NOW) for one in (tenant, western)}
    for one in bought:
        make_ticket(MemberFactory(tenant=one))
    operator = workbench(UserFactory(is_superuser=True))
    orders = shown(operator, "/admin/orders/order/")

    assert f"6 Mar 2026, 01:37 {FAR_EAST}" in orders
    assert f"5 Mar 2026, 06:37 {FAR_WEST}" in orders
    assert "times in" not in orders, "there is no zone of the page"
    assert f"times in {FAR_WEST}" in shown(operator, f"/admin/orders/order/{bought[western].id}/change/")
    assert "times in UTC" in shown(operator, "/admin/"), "the days of a chart of both"
    assert f"times in {FAR_WEST}" in shown(operator, f"/admin/?tenant={western.id}")
    rows = {row["tenant"]: row for row in csv.DictReader(io.StringIO(shown(operator, f"{QUEUE}export/?tab=open")))}
    assert rows[western.slug]["opened_at (time_zone)"] == "2026-03-05 06:37:42"
    assert rows[tenant.slug]["opened_at (time_zone)"] == "2026-03-06 01:37:42"
    assert (rows[western.slug]["time_zone"], rows[tenant.slug]["time_zone"]) == (FAR_WEST, FAR_EAST)


def test_export_is_named_by_the_local_day_and_says_its_zone(tenant):
    make_ticket(MemberFactory(tenant=tenant))
    answer = workbench(MemberFactory(tenant=tenant, agent=True).user).get(f"{QUEUE}export/?tab=open")

    assert 'filename="tickets-2026-03-06.csv"' in answer.headers["Content-Disposition"]
    text = b"".join(answer.streaming_content).decode().removeprefix("\ufeff")
    assert next(csv.DictReader(io.StringIO(text)))[f"opened_at ({FAR_EAST})"] == "2026-03-06 01:37:42"


@pytest.mark.parametrize("zone", [FAR_EAST, FAR_WEST, "Asia/Baghdad"])
@pytest.mark.parametrize(("chosen", "hour"), [
    ({"when": "1d"}, 9), ({"when": "3d"}, 9), ({"when": "at", "until": "2026-03-09T16:20"}, 16)
])  # fmt: skip
def test_snoozed_in_bulk_is_as_on_the_ticket(zone, chosen, hour):
    tenant = TenantFactory(time_zone=zone)
    one, many = (make_ticket(MemberFactory(tenant=tenant)) for _number in range(2))
    browser = workbench(MemberFactory(tenant=tenant, agent=True).user)

    browser.post(f"{QUEUE}{one.id}/action/snooze/", {"version": "", **chosen})
    browser.post(
        f"{QUEUE}?tab=open", {"action": "snooze_selected", "_selected_action": many.id, "apply": "1", **chosen}
    )

    single, bulk = reload(one).snoozed_until, reload(many).snoozed_until
    assert single == bulk
    assert single.astimezone(ZoneInfo(zone)).hour == hour
    words = single.astimezone(ZoneInfo(zone)).strftime("%a %H:%M")
    assert shown(browser, f"{QUEUE}?tab=snoozed").count(f"back {words}") == 2


@pytest.mark.parametrize("zone", ["Asia/Baghdad", FAR_WEST, FAR_EAST, "UTC"])
def test_dates_for_never_are_shown_whatever_the_zone(zone):
    tenant = TenantFactory(time_zone=zone)
    customer = MemberFactory(tenant=tenant)
    browser = workbench(MemberFactory(tenant=tenant, agent=True).user)
    for never in NEVER:
        about = {"tenant": tenant, "customer": customer}
        delivery = DeliveryFactory(**about, promised_at=never, delivered_at=never, status="delivered")
        open_promise = DeliveryFactory(**about, promised_at=never, status="in_transit")
        order = OrderFactory(**about, placed_at=never)
        tickets = [make_ticket(customer, delivery=delivery), make_ticket(customer, delivery=open_promise)]
        tickets.append(make_ticket(customer, order=order))

        for ticket in tickets:
            assert "</html>" in shown(browser, f"{QUEUE}{ticket.id}/change/")
        year = "9999" if never.year == 9999 else "0?001|1 B|, 1,|0000"
        for path in (f"deliveries/delivery/{delivery.id}", f"orders/order/{order.id}"):
            assert re.search(year, shown(browser, f"/admin/{path}/change/")), path
        assert shown(browser, f"{QUEUE}phone/?delivery={delivery.id}")
    for path in ("deliveries/delivery", "orders/order", "support/ticket"):
        assert "</html>" in shown(browser, f"/admin/{path}/")
    assert "9999" in shown(browser, "/admin/deliveries/delivery/")
    assert "9999" in shown(browser, "/admin/orders/order/")


def test_a_date_the_zone_has_not_says_utc():
    assert in_words(NEVER[0], zone=ZoneInfo("Asia/Baghdad")) == "31 Dec 9999, 23:59 UTC"
    assert in_words(NEVER[1], zone=ZoneInfo(FAR_WEST)).endswith("00:00 UTC")
    assert in_words(NEVER[0], zone=ZoneInfo(FAR_WEST)) == "31 Dec 9999, 18:59"


class TestForms:
    def issue(self, client, tenant, day, at="12:00:00"):
        form = {"tenant": tenant.id, "name": "shop", "scopes": "changes:read"}
        form |= {"expires_at_0": day, "expires_at_1": at}
        return client.post("/admin/accounts/apikey/add/", form)

    def test_a_typed_time_is_of_the_tenant_it_is_for(self, tenant):
        western = TenantFactory(time_zone=FAR_WEST)
        operator = workbench(UserFactory(is_superuser=True))

        for one in (tenant, western):
            assert self.issue(operator, one, "2026-04-01").status_code == 302

        for one in (tenant, western):
            with tenant_scope(one.id):
                expires = ApiKey.objects.get().expires_at
            assert timezone.localtime(expires, ZoneInfo(one.time_zone)).hour == 12

    @pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01"])
    def test_a_day_beyond_the_calendar_is_a_form_error(self, tenant, day):
        browser = workbench(MemberFactory(tenant=tenant, admin=True).user)

        refused = self.issue(browser, tenant, day)

        assert refused.status_code == 200
        assert refused.context["errors"] == [["Enter a valid date/time."]]

    @pytest.mark.parametrize("until", ["9999-12-31T23:59", "0001-01-01T00:00", "2026-13-01T00:00", "x" * 5000, "\x00"])
    def test_nor_can_a_ticket_come_back_then(self, tenant, until):
        ticket = make_ticket(MemberFactory(tenant=tenant))
        browser = workbench(MemberFactory(tenant=tenant, agent=True).user)

        refused = browser.post(f"{QUEUE}{ticket.id}/action/snooze/", {"when": "at", "until": until, "version": ""})

        assert refused.status_code == 200
        assert reload(ticket).snoozed_until is None
