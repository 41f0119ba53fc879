"""Nothing of another tenant comes out of any door: with both walls, and with either of them taken away."""

import logging

import pytest
from django.apps import apps
from unfold.admin import ModelAdmin

from conversations.querysets import ConversationQuerySet
from deliveries.querysets import DeliveryQuerySet
from ondi.common.querysets import TenantQuerySet
from ondi.staff.admin_base import ScopedAdmin
from orders.querysets import OrderQuerySet
from support.querysets import TicketQuerySet
from tests.registry.screens import models_with_screens
from tests.tenants import leaks
from tests.tenants.leaks import MARK
from tests.tenants.walls import FILTERS_OF_FILES, OF_TENANTS, take_away, unfiltered, without_row_level_security

pytestmark = pytest.mark.django_db(transaction=True)

# Every filter by tenant or owner there is in the code, but those of files. The first is the root of all reads.
FILTERS = {
    (TenantQuerySet, "in_tenants"): unfiltered,
    (TenantQuerySet, "visible_to"): unfiltered,
    (TicketQuerySet, "visible_to"): unfiltered,
    (TicketQuerySet, "requested_by"): unfiltered,
    (TicketQuerySet, "holding_item_of"): lambda self, ticket: self.filter(status="open"),
    (OrderQuerySet, "bought_by"): unfiltered,
    (OrderQuerySet, "with_external_ids"): lambda self, _tenant, ids: self.filter(external_id__in=ids),
    (DeliveryQuerySet, "sent_to"): unfiltered,
    (DeliveryQuerySet, "with_external_ids"): lambda self, _tenant, ids: self.filter(external_id__in=ids),
    (ScopedAdmin, "get_queryset"): ModelAdmin.get_queryset,
    (ScopedAdmin, "formfield_for_foreignkey"): ModelAdmin.formfield_for_foreignkey,
}
ADMIN_FILTERS = {"get_queryset", "formfield_for_foreignkey"}
# Those that narrow the same calls go together: what one of them alone would let out, it lets out beside the others.
OWNERS = (TicketQuerySet, "visible_to"), (TicketQuerySet, "requested_by"), (OrderQuerySet, "bought_by")
LOOK_UPS = (OrderQuerySet, "with_external_ids"), (DeliveryQuerySet, "with_external_ids")
TOGETHER = {
    "in_tenants": [(TenantQuerySet, "in_tenants")],
    "visible_to": [(TenantQuerySet, "visible_to")],
    "of_owners": [*OWNERS, (DeliveryQuerySet, "sent_to")],
    "of_look_ups": [*LOOK_UPS, (TicketQuerySet, "holding_item_of")],
    "get_queryset": [(ScopedAdmin, "get_queryset")],
    "formfield_for_foreignkey": [(ScopedAdmin, "formfield_for_foreignkey")],
}
SHARED_FILTERS = {"in_tenants", "visible_to"}


@pytest.fixture
def world(owner):
    found = leaks.build()
    yield found
    assert not found.found, "\n".join(found.found)


@pytest.fixture
def open_policies(owner):
    """The code's wall alone: row-level security is off while the test runs."""
    with without_row_level_security(owner):
        yield


@pytest.fixture(autouse=True)
def log(caplog):
    caplog.set_level(logging.DEBUG)
    yield
    assert MARK not in caplog.text


def state_of(owner, tenant):
    """A hash of every row of a tenant, read as the owner."""
    hashes = {}
    for table in OF_TENANTS:
        column = "id" if table == "tenants_tenant" else "tenant_id"
        query = f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} AS t WHERE {column} = %s"
        hashes[table] = owner().execute(query, [tenant.pk]).fetchone()[0]
    return hashes


def everything(world, owner, tmp_path, *, api=leaks.PEOPLE, admin=leaks.STAFF, programs=True):
    """Through the API and the admin as these people."""
    before = state_of(owner, world.foreign.tenant)
    if api:
        leaks.through_the_api(world, api)
        leaks.through_the_commands(world, tmp_path)
    leaks.through_the_admin(world, admin)
    assert state_of(owner, world.foreign.tenant) == before, "and nothing of theirs was changed"
    if api:
        leaks.through_the_mails(world)
    if programs:
        leaks.through_the_stream(world)
        leaks.through_the_webhooks(world)


def test_the_other_tenant_has_a_row_of_every_screen(world):
    for model in set(models_with_screens().values()) - {type(row) for row in world.foreign.rows.values()}:
        pytest.fail(f"give both sides a {model._meta.label} in `build_side` of tests/tenants/leaks.py")


def test_nothing_leaks(world, owner, tmp_path):
    """As few people as reach every door: what came through both walls would come through one, which is tried below."""
    everything(world, owner, tmp_path, api=("customer", "lead"), admin=("admin",))


def test_nothing_leaks_without_the_databases_wall(open_policies, world, owner, tmp_path):
    everything(world, owner, tmp_path)


@pytest.mark.parametrize("name", TOGETHER)
def test_nothing_leaks_without_some_of_the_codes_filters(world, owner, tmp_path, monkeypatch, name):
    """Through the doors that use them: the admin's filters are the admin's, the last words of a chain the API's.

    As few people as see most: what is left, row-level security, asks for the tenant and never for the person.
    """
    take_away(monkeypatch, {one: FILTERS[one] for one in TOGETHER[name]})

    everything(
        world,
        owner,
        tmp_path,
        api=() if name in ADMIN_FILTERS else ("customer", "lead"),
        admin=("admin",) if name in ADMIN_FILTERS | SHARED_FILTERS else (),
        programs=name == "in_tenants",  # what streams and programs are told of starts there alone
    )


def test_the_suite_would_see_a_leak(open_policies, world, owner, monkeypatch):
    """With both walls down it finds plenty: the doors lead out, and the mark is where people write."""
    gone = (TenantQuerySet, "in_tenants"), (ScopedAdmin, "get_queryset")
    take_away(monkeypatch, {key: FILTERS[key] for key in gone})

    leaks.through_the_api(world, ["lead"])
    leaks.through_the_admin(world, ["admin"])

    leaking = {place.split(" ")[0] + " " + place.split(" ")[1] for place in world.found}
    world.found.clear()
    assert len(leaking) > 20


def test_every_filter_is_in_the_list():
    words = (
        "visible_to",
        "in_tenants",
        "requested_by",
        "bought_by",
        "sent_to",
        "with_external_ids",
        "holding_item_of",
        "drafts_of",
    )
    querysets = {type(model._default_manager.none()) for model in apps.get_models()} | {ConversationQuerySet}
    defined = {
        (found, word)
        for queryset in querysets
        for found in queryset.__mro__
        for word in words
        if word in vars(found) and issubclass(found, TenantQuerySet)
    }
    assert defined == {key for key in FILTERS | FILTERS_OF_FILES if issubclass(key[0], TenantQuerySet)}
    assert {one for several in TOGETHER.values() for one in several} == set(FILTERS)
