"""What the application's role may do, and the tenant wall around this app's tables."""

from django.db import migrations

from ondi.common.database import TenantTable

GRANTS = """
GRANT USAGE ON SCHEMA public TO ondi;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ondi;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO ondi;
ALTER DEFAULT PRIVILEGES FOR ROLE ondi_owner IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO ondi;
ALTER DEFAULT PRIVILEGES FOR ROLE ondi_owner IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO ondi;
ALTER DEFAULT PRIVILEGES FOR ROLE ondi_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
"""

# Commands name tenants by slug, before they have a scope. Gives slugs and ids, nothing else.
FIND_TENANTS = """
CREATE FUNCTION ondi_tenants(wanted text[]) RETURNS TABLE (slug text, id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT tenant.slug::text, tenant.id FROM public.tenants_tenant AS tenant
    WHERE wanted IS NULL OR tenant.slug = ANY (wanted)
    ORDER BY tenant.slug
$$;
REVOKE ALL ON FUNCTION ondi_tenants(text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ondi_tenants(text[]) TO ondi;
"""


class Migration(migrations.Migration):
    dependencies = [("tenants", "0001_initial")]

    operations = [
        migrations.RunSQL(GRANTS, migrations.RunSQL.noop),
        TenantTable("Tenant", tenant_column="id"),
        TenantTable("PortalSettings"),
        migrations.RunSQL(FIND_TENANTS, "DROP FUNCTION ondi_tenants(text[])"),
    ]
