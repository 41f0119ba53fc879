"""Which dispatches are due, over all tenants, for the work process: keys and tenants, and no more.

So many of each tenant at a time: a million of one keep nobody else's ten waiting.
"""

from django.db import migrations

from ondi.common.database import TenantLinks, TenantTable

DUE = """
CREATE FUNCTION ondi_dispatches_due(wanted text, now timestamptz, most integer)
RETURNS TABLE (id uuid, tenant_id uuid) LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT due.id, tenant.id FROM public.tenants_tenant AS tenant CROSS JOIN LATERAL (
        SELECT d.id, d.due_at FROM public.notifications_dispatch AS d
        WHERE d.tenant_id = tenant.id AND d.channel = wanted AND d.state = 'waiting' AND d.due_at <= now
        ORDER BY d.due_at LIMIT 50
    ) AS due ORDER BY due.due_at LIMIT most
$$;
REVOKE ALL ON FUNCTION ondi_dispatches_due(text, timestamptz, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ondi_dispatches_due(text, timestamptz, integer) TO ondi;
"""


class Migration(migrations.Migration):
    dependencies = [("notifications", "0003_dispatch")]

    operations = [
        TenantTable("dispatch"),
        TenantLinks("dispatch"),
        migrations.RunSQL(DUE, "DROP FUNCTION ondi_dispatches_due(text, timestamptz, integer)"),
    ]
