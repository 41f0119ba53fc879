"""The walls of mails, and which of them are due over all tenants: keys and tenants, and no more.

A few of each active tenant at a time, and none of those whose mail or push is stopped: they would take all places.
"""

from django.db import migrations

from ondi.common.database import TenantLinks, TenantTable

LINK = """
ALTER TABLE notifications_dispatch ADD CONSTRAINT notifications_dispatch_mail_id_in_tenant
    FOREIGN KEY (tenant_id, mail_id) REFERENCES notifications_mail (tenant_id, id) DEFERRABLE INITIALLY DEFERRED
"""
OLD_DUE = """
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
DROP_OLD_DUE = "DROP FUNCTION ondi_dispatches_due(text, timestamptz, integer)"
DUE = """
CREATE FUNCTION ondi_dispatches_due(wanted text, now timestamptz, most integer, without uuid[])
RETURNS TABLE (id uuid, tenant_id uuid) LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT due.id, tenant.id FROM public.tenants_tenant AS tenant CROSS JOIN LATERAL (
        SELECT d.id, d.due_at FROM public.notifications_dispatch AS d
        WHERE d.tenant_id = tenant.id AND d.channel = wanted AND d.state = 'waiting' AND d.due_at <= now
        ORDER BY d.due_at LIMIT 50
    ) AS due WHERE tenant.status = 'active' AND tenant.id <> ALL (without) ORDER BY due.due_at LIMIT most
$$;
REVOKE ALL ON FUNCTION ondi_dispatches_due(text, timestamptz, integer, uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ondi_dispatches_due(text, timestamptz, integer, uuid[]) TO ondi;
"""
MAILS_DUE = """
CREATE FUNCTION ondi_mails_due(now timestamptz, most integer, without uuid[])
RETURNS TABLE (id uuid, tenant_id uuid) LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT due.id, tenant.id FROM public.tenants_tenant AS tenant CROSS JOIN LATERAL (
        SELECT m.id, m.next_at FROM public.notifications_mail AS m
        WHERE m.tenant_id = tenant.id AND m.state = 'waiting' AND m.next_at <= now
        ORDER BY m.next_at LIMIT 5
    ) AS due WHERE tenant.status = 'active' AND tenant.id <> ALL (without) ORDER BY due.next_at LIMIT most
$$;
REVOKE ALL ON FUNCTION ondi_mails_due(timestamptz, integer, uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ondi_mails_due(timestamptz, integer, uuid[]) TO ondi;
"""


class Migration(migrations.Migration):
    dependencies = [("notifications", "0005_mail"), ("outbox", "0004_outgoing_rules")]

    operations = [
        TenantTable("mail", referenced=True),
        TenantLinks("mail"),
        TenantTable("suppression"),
        migrations.RunSQL(
            LINK, "ALTER TABLE notifications_dispatch DROP CONSTRAINT notifications_dispatch_mail_id_in_tenant"
        ),
        migrations.RunSQL(DROP_OLD_DUE, OLD_DUE),
        migrations.RunSQL(DUE, "DROP FUNCTION ondi_dispatches_due(text, timestamptz, integer, uuid[])"),
        migrations.RunSQL(MAILS_DUE, "DROP FUNCTION ondi_mails_due(timestamptz, integer, uuid[])"),
    ]
