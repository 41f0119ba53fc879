"""Whose rows were asked for in vain: the audit of refusals across tenants."""

from django.db import migrations

TABLES = (
    "support_ticket", "support_ticketevent", "support_ticketnote", "support_cannedreply", "support_tag",
    "conversations_conversation", "conversations_message", "conversations_participant",
    "deliveries_delivery", "orders_order", "orders_orderitem",
    "accounts_membership", "accounts_refreshfamily", "accounts_apikey", "accounts_settingschange",
)  # fmt: skip
BRANCHES = "\n        UNION ALL ".join(
    f"SELECT found.id, found.tenant_id FROM public.{table} AS found WHERE found.id = ANY (wanted)" for table in TABLES
)

# Ids and tenants only, never a row's content; nothing at all without a scope.
FOREIGN_ROWS = f"""
CREATE FUNCTION ondi_foreign_rows(wanted uuid[]) RETURNS TABLE (id uuid, tenant_id uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    scope uuid[] := string_to_array(NULLIF(current_setting('ondi.tenants', true), ''), ',')::uuid[];
BEGIN
    IF scope IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY SELECT named.id, named.tenant_id FROM (
        {BRANCHES}
        UNION ALL SELECT tenant.id, tenant.id FROM public.tenants_tenant AS tenant WHERE tenant.id = ANY (wanted)
        UNION ALL SELECT member.user_id, member.tenant_id FROM public.accounts_membership AS member
            WHERE member.user_id = ANY (wanted) AND NOT EXISTS (
                SELECT FROM public.accounts_membership AS own
                WHERE own.user_id = member.user_id AND own.tenant_id = ANY (scope))
    ) AS named
    WHERE NOT named.tenant_id = ANY (scope)
    ORDER BY named.id;
END
$$;
REVOKE ALL ON FUNCTION ondi_foreign_rows(uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ondi_foreign_rows(uuid[]) TO ondi;
"""


class Migration(migrations.Migration):
    dependencies = [("support", "0003_search"), ("accounts", "0003_api_keys"), ("deliveries", "0002_database_rules")]

    operations = [migrations.RunSQL(FOREIGN_ROWS, "DROP FUNCTION ondi_foreign_rows(uuid[])")]
