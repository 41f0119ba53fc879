"""The walls of files, and taking those that are to be checked over all tenants: keys and tenants, and no more.

Two of each tenant at a time, the longest due first; who takes them has them until the lease ends.
"""

from django.db import migrations

from ondi.common.database import TenantLinks, TenantTable

CLAIM = """
CREATE FUNCTION ondi_claim_files(now timestamptz, lease interval, most integer)
RETURNS TABLE (id uuid, tenant_id uuid, attempt integer) LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    UPDATE public.files_storedfile AS f SET attempts = f.attempts + 1, next_at = now + lease
    FROM (
        SELECT due.id FROM public.tenants_tenant AS t CROSS JOIN LATERAL (
            SELECT d.id, d.next_at FROM public.files_storedfile AS d
            WHERE d.tenant_id = t.id AND d.state = 'checking' AND d.next_at <= now
            ORDER BY d.next_at LIMIT 2 FOR UPDATE OF d SKIP LOCKED
        ) AS due
        WHERE t.status = 'active' ORDER BY due.next_at LIMIT most
    ) AS chosen
    WHERE f.id = chosen.id RETURNING f.id, f.tenant_id, f.attempts
$$;
REVOKE ALL ON FUNCTION ondi_claim_files(timestamptz, interval, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ondi_claim_files(timestamptz, interval, integer) TO ondi;
"""


class Migration(migrations.Migration):
    dependencies = [("files", "0001_initial")]

    operations = [
        TenantTable("storedfile"),
        TenantLinks("storedfile"),
        migrations.RunSQL(CLAIM, "DROP FUNCTION ondi_claim_files(timestamptz, interval, integer)"),
    ]
