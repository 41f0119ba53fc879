"""Tags and shortcuts do not differ by capitals only: from now on, and those that did are one after the upgrade."""

import pytest
from django.db import IntegrityError, connections
from django.db.migrations.executor import MigrationExecutor

from ondi.common.ids import new_id
from ondi.tenants.scope import tenant_scope
from support.models import CannedReply, Tag, TicketEvent, TicketTag
from support.services import change_tags
from tests.factories import MemberFactory, TenantFactory, actor, make_ticket
from tests.workbench import workbench

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])
BEFORE = [("support", "0011_closings")]
ADD_TAG, ADD_REPLY = "/admin/support/tag/add/", "/admin/support/cannedreply/add/"


@pytest.fixture
def sara(tenant):
    return MemberFactory(tenant=tenant, agent=True)


def names(tenant):
    with tenant_scope(tenant.id):
        return sorted(Tag.objects.values_list("name", flat=True))


class TestForms:
    @pytest.mark.parametrize("again", ["VIP", "vip", "Vip", " vip "])
    def test_tag_that_is_there_is_named(self, tenant, sara, again):
        browser = workbench(sara.user)
        browser.post(ADD_TAG, {"tenant": str(tenant.id), "name": "VIP"})

        answer = browser.post(ADD_TAG, {"tenant": str(tenant.id), "name": again})

        assert "This tag is there already; capitals make no difference." in answer.content.decode()
        assert names(tenant) == ["VIP"]

    @pytest.mark.parametrize(("one", "same"), [("Été", "été"), ("ÖSTLICH", "östlich"), ("Срочно", "СРОЧНО")])
    def test_capitals_of_other_scripts_too(self, tenant, sara, one, same):
        browser = workbench(sara.user)
        for name in (one, same):
            browser.post(ADD_TAG, {"tenant": str(tenant.id), "name": name})

        assert names(tenant) == [one]

    def test_tag_is_renamed_to_its_own_capitals_and_to_no_others(self, tenant, sara):
        browser = workbench(sara.user)
        with tenant_scope(tenant.id):
            tag, _other = (Tag.objects.create(tenant=tenant, name=name) for name in ("vip", "Courier"))
        page = f"/admin/support/tag/{tag.id}/change/"

        refused = browser.post(page, {"name": "courier"})
        assert (refused.status_code, names(tenant)) == (200, ["Courier", "vip"])
        assert "This tag is there already" in refused.content.decode()
        assert browser.post(page, {"name": "VIP"}).status_code == 302
        assert names(tenant) == ["Courier", "VIP"]

    def test_other_tenants_tags_are_theirs(self, tenant, sara):
        with tenant_scope((other := TenantFactory()).id):
            Tag.objects.create(tenant=other, name="VIP")

        workbench(sara.user).post(ADD_TAG, {"tenant": str(tenant.id), "name": "vip"})

        assert names(tenant) == ["vip"]

    def test_shortcut_is_kept_in_lower_case_and_once_a_language(self, tenant, sara):
        browser = workbench(sara.user)
        reply = {"tenant": str(tenant.id), "content": "Hello"}
        for language in ("en", "ar"):
            assert browser.post(ADD_REPLY, {**reply, "shortcut": "Hallo", "language": language}).status_code == 302

        refused = browser.post(ADD_REPLY, {**reply, "shortcut": "HALLO", "language": "en"})

        assert "This shortcut is there already in this language." in refused.content.decode()
        with tenant_scope(tenant.id):
            found = CannedReply.objects.values_list("shortcut", "language")
            assert sorted(found) == [("hallo", "ar"), ("hallo", "en")]
            own = CannedReply.objects.get(language="ar")
        changed = browser.post(
            f"/admin/support/cannedreply/{own.id}/change/", {"shortcut": "Hallo", "language": "en", "content": "x"}
        )
        assert "This shortcut is there already in this language." in changed.content.decode()


def test_database_lets_no_other_hand_do_it(tenant):
    with tenant_scope(tenant.id):
        Tag.objects.create(tenant=tenant, name="VIP")
    for row in (
        Tag(tenant=tenant, name="vip"),
        CannedReply(tenant=tenant, shortcut="Hallo", language="en", content="x"),
    ):
        with pytest.raises(IntegrityError), tenant_scope(tenant.id):
            row.save()


CLOCKS = ("due_at", "reply_due_at", "attend_at")
TEXTS = {"folder": "varchar(60) NOT NULL DEFAULT ''", "owner_id": "uuid"}


class TestUpgrade:
    @pytest.fixture
    def before(self, owner):
        """The schema before; `upgrade()` makes it this one again."""
        latest = MigrationExecutor(connections["owner"]).loader.graph.leaf_nodes()

        def migrate(targets):
            connections["default"].close()
            MigrationExecutor(connections["owner"]).migrate(targets)

        def upgrade():
            owner().execute("ALTER TABLE support_ticketevent DROP COLUMN IF EXISTS cause")
            for name in CLOCKS:
                owner().execute(f"ALTER TABLE support_ticket DROP COLUMN IF EXISTS {name}")
            for name in TEXTS:
                owner().execute(f"ALTER TABLE support_cannedreply DROP COLUMN IF EXISTS {name}")
            migrate(latest)

        migrate(BEFORE)
        # Today's services write them; the schema before has them not.
        owner().execute("ALTER TABLE support_ticketevent ADD COLUMN cause varchar(64) NOT NULL DEFAULT ''")
        for name in CLOCKS:
            owner().execute(f"ALTER TABLE support_ticket ADD COLUMN {name} timestamptz")
        for name, kind in TEXTS.items():
            owner().execute(f"ALTER TABLE support_cannedreply ADD COLUMN {name} {kind}")
        done = []
        try:
            yield owner(), lambda: done.append(upgrade())
        finally:
            if not done:
                upgrade()

    def test_double_tags_become_one_and_nothing_is_lost(self, tenant, sara, before):
        _owner, upgrade = before
        other = TenantFactory()
        tags = {}
        for where, name in ((tenant, "VIP"), (tenant, "vip"), (tenant, "Vip"), (tenant, "courier"), (other, "vip")):
            with tenant_scope(where.id):
                tags[where, name] = Tag.objects.create(id=new_id(), tenant=where, name=name)
        tickets = [make_ticket(MemberFactory(tenant=tenant)) for _number in range(3)]
        with tenant_scope(tenant.id):
            for ticket, held in zip(tickets, (("VIP", "vip"), ("vip", "Vip", "courier"), ("Vip",)), strict=True):
                for name in held:
                    change_tags(actor=actor(sara), ticket_id=ticket.id, add=[tags[tenant, name].id])
            change_tags(actor=actor(sara), ticket_id=tickets[0].id, remove=[tags[tenant, "vip"].id])

        upgrade()

        assert names(tenant) == ["VIP", "courier"]
        assert names(other) == ["vip"]
        kept, courier = tags[tenant, "VIP"].id, tags[tenant, "courier"].id
        with tenant_scope(tenant.id):
            held = sorted(TicketTag.objects.values_list("ticket_id", "tag_id"))
            assert held == sorted(
                [(tickets[0].id, kept), (tickets[1].id, kept), (tickets[1].id, courier), (tickets[2].id, kept)]
            )
            told = TicketEvent.objects.filter(kind__in=["tag_added", "tag_removed"])
            assert {event.after.get("tag") or event.before["tag"] for event in told} == {str(kept), str(courier)}
            assert told.count() == 7

    def test_double_shortcuts_get_a_number(self, tenant, before):
        _owner, upgrade = before
        long = "A" * 40
        rows = [("Hallo", "en"), ("hallo", "en"), ("HALLO", "en"), ("Hallo", "ar"), ("hallo-2", "en"), ("Bye", "en"),
                (long, "en"), (long.lower(), "en")]  # fmt: skip
        with tenant_scope(tenant.id):
            for number, (shortcut, language) in enumerate(rows):
                CannedReply.objects.create(
                    id=new_id(), tenant=tenant, shortcut=shortcut, language=language, content=str(number)
                )

        upgrade()

        with tenant_scope(tenant.id):
            found = {int(row.content): (row.shortcut, row.language) for row in CannedReply.objects.all()}
        assert found == {
            0: ("hallo-3", "en"), 1: ("hallo", "en"), 2: ("hallo-4", "en"), 3: ("hallo", "ar"), 4: ("hallo-2", "en"),
            5: ("bye", "en"), 6: ("a" * 38 + "-2", "en"), 7: ("a" * 40, "en"),
        }  # fmt: skip
