"""The catalogue of the database itself: walls, links, roles and functions."""

import pytest
from django.apps import apps
from django.db import connection
from django.db.models import DO_NOTHING, SET_DEFAULT, SET_NULL

from ondi.common.database import TenantForeignKey
from tests.messages import APPS

pytestmark = pytest.mark.django_db

WITHOUT_TENANT = {
    "accounts_user",
    "accounts_signinattempts",
    "outbox_head",
    "outbox_cursor",
    "outbox_chore",
    "outbox_installation",
    "outbox_process",
}
OURS = [app for app in apps.get_app_configs() if app.name.split(".")[0] in APPS]
TABLES = {model._meta.db_table: model for app in OURS for model in app.get_models()}
FUNCTIONS = {
    "ondi_tenants",
    "ondi_enter",
    "ondi_enter_staff",
    "ondi_login",
    "ondi_end_sessions",
    "ondi_search_conversations",
    "ondi_search_people",
    "ondi_search_tickets",
    "ondi_search_orders",
    "ondi_search_deliveries",
    "ondi_enter_api_key",
    "ondi_foreign_rows",
    "ondi_foreign_rows_2",
    "ondi_erase_customer",
    "ondi_purge_tickets",
    "ondi_enter_api_key_2",
    "ondi_enter_2",
    "ondi_enter_staff_2",
    "ondi_relay",
    "ondi_head",
    "ondi_events_after",
    "ondi_set_aside_due",
    "ondi_forget_events",
    "ondi_take_stream_ticket",
    "ondi_take_stream_ticket_2",
    "ondi_streams_in_force",
    "ondi_dispatches_due",
    "ondi_mails_due",
    "ondi_stopped",
    "ondi_claim_deliveries",
    "ondi_claim_files",
    "ondi_tickets_to_attend",
    "ondi_tickets_to_attend_2",
    "ondi_terms_rounds",
    "ondi_drafts_to_send",
}
FEWER_RIGHTS = {
    "support_ticketevent": {"SELECT", "INSERT"},
    "accounts_settingschange": {"SELECT", "INSERT"},
    "support_calendarversion": {"SELECT", "INSERT"},
    "support_policyversion": {"SELECT", "INSERT"},
    "outbox_entry": {"INSERT"},
    "outbox_event": {"SELECT"},
    "outbox_position": {"SELECT"},
    "outbox_head": set(),
}
PLAIN_FUNCTIONS = {"ondi_fold", "ondi_keep_portal", "ondi_mark_read"}  # with the caller's rights, behind the wall


def rows(sql, *arguments):
    with connection.cursor() as cursor:
        cursor.execute(sql, arguments)
        return cursor.fetchall()


def test_every_tenant_table_is_behind_the_wall():
    walled = rows(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relrowsecurity AND relforcerowsecurity "
        "AND relnamespace = 'public'::regnamespace"
    )
    assert {name for (name,) in walled} == set(TABLES) - WITHOUT_TENANT


def test_no_table_that_names_a_tenant_stands_outside():
    """Whoever made it: a model of ours, a library's, a statement in a migration."""
    naming = rows(
        "SELECT DISTINCT relation.oid::regclass::text FROM pg_class AS relation "
        "JOIN pg_namespace AS space ON space.oid = relation.relnamespace "
        "JOIN pg_attribute AS part ON part.attrelid = relation.oid AND NOT part.attisdropped "
        "WHERE relation.relkind IN ('r', 'p', 'f') AND space.nspname NOT IN ('pg_catalog', 'information_schema') "
        "AND part.attname LIKE '%%tenant%%' AND NOT (relation.relrowsecurity AND relation.relforcerowsecurity "
        "AND EXISTS (SELECT FROM pg_policy WHERE polrelid = relation.oid))"
    )
    assert naming == []
    # A view reads with its owner's rights unless it says otherwise; we have none.
    assert (
        rows("SELECT relname FROM pg_class WHERE relkind IN ('v', 'm') AND relnamespace = 'public'::regnamespace") == []
    )


def test_every_wall_has_the_two_policies():
    found = rows("SELECT tablename, policyname, roles::text[], cmd, qual, with_check FROM pg_policies")
    by_table = {}
    for table, policy, roles, command, using, check in found:
        assert command == "ALL"
        assert using == check
        by_table.setdefault(table, {})[policy] = (roles, using)
    assert set(by_table) == set(TABLES) - WITHOUT_TENANT
    for policies in by_table.values():
        assert policies["owner"] == (["ondi_owner"], "true")
        assert policies["app"][0] == ["ondi"]
        assert "current_setting('ondi.tenants'" in policies["app"][1]


def test_every_tenant_link_is_composite():
    expected = {
        f"{table}_{field.column}_in_tenant"
        for table, model in TABLES.items()
        for field in model._meta.local_fields
        if isinstance(field, TenantForeignKey)
    }
    found = rows("SELECT conname FROM pg_constraint WHERE contype = 'f' AND conname LIKE '%%_in_tenant'")
    assert {name for (name,) in found} == expected


def test_no_link_lets_go_of_a_row_that_is_deleted():
    """What hangs on a row is taken off it by somebody who says so, or the row stays; Django's picture is the same."""
    assert rows("SELECT conname FROM pg_constraint WHERE contype = 'f' AND confdeltype <> 'a'") == []
    letting_go = [
        f"{model._meta.label}.{field.name}"
        for model in TABLES.values()
        for field in model._meta.local_fields
        if field.remote_field and field.remote_field.on_delete in (SET_NULL, SET_DEFAULT, DO_NOTHING)
    ]
    assert letting_go == []


def test_application_role_can_read_and_write_rows_and_nothing_else():
    role = rows("SELECT rolsuper, rolbypassrls, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = 'ondi'")
    assert role == [(False, False, False, False)]
    assert rows("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = 'ondi_owner'") == [(False, False)]
    for table in TABLES:
        rights = {
            right
            for right in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
            if rows("SELECT has_table_privilege('ondi', %s, %s)", table, right)[0][0]
        }
        assert rights == FEWER_RIGHTS.get(table, {"SELECT", "INSERT", "UPDATE", "DELETE"}), table
    owners = rows("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")
    assert owners == [("ondi_owner",)]
    assert rows("SELECT has_schema_privilege('ondi', 'public', 'CREATE')") == [(False,)]


def test_application_role_is_nobody_else_and_reaches_no_further():
    ours = "('ondi'::regrole, 'ondi_owner'::regrole)"
    assert rows(f"SELECT roleid::regrole::text FROM pg_auth_members WHERE member IN {ours}") == []
    assert rows("SELECT has_database_privilege('ondi', current_database(), 'CREATE')") == [(False,)]
    assert rows("SELECT nspname FROM pg_namespace WHERE has_schema_privilege('ondi', oid, 'CREATE')") == []
    others = (
        "SELECT grantee, privilege_type FROM pg_class, aclexplode(relacl) "
        f"WHERE relkind IN ('r', 'S') AND relnamespace = 'public'::regnamespace AND grantee NOT IN {ours}"
    )
    assert rows(others) == []
    settings = rows(f"SELECT setconfig FROM pg_db_role_setting WHERE setrole IN {ours}")
    assert not [setting for setting in settings if "row_security" in str(setting)]


def test_nothing_else_runs_with_more_rights_than_its_caller():
    """In any schema, by anybody: a SECURITY DEFINER function the application may call is one of ours."""
    callable_ones = rows(
        "SELECT proname FROM pg_proc WHERE prosecdef AND has_function_privilege('ondi', oid, 'EXECUTE') ORDER BY 1"
    )
    assert {name for (name,) in callable_ones} == FUNCTIONS
    # This one, for the release before, runs with its caller's rights.
    assert rows("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal") == [("keep_portal",)]
    assert rows("SELECT rulename FROM pg_rules WHERE schemaname = 'public'") == []


def test_entry_functions_are_closed_to_others_and_fix_their_search_path():
    found = rows(
        "SELECT proname, prosecdef, proconfig, proacl::text[], pg_get_userbyid(proowner) FROM pg_proc "
        "WHERE pronamespace = 'public'::regnamespace AND proname LIKE 'ondi%%'"
    )
    assert {name for name, *_rest in found} == FUNCTIONS | PLAIN_FUNCTIONS
    for name, definer, settings, grants, owner in found:
        assert definer is (name in FUNCTIONS), name
        if name in PLAIN_FUNCTIONS:
            continue
        assert set(settings) - {"plan_cache_mode=auto"} == {"search_path=pg_catalog, pg_temp"}, name
        assert set(grants) == {"ondi_owner=X/ondi_owner", "ondi=X/ondi_owner"}, name
        assert owner == "ondi_owner"
