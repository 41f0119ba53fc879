"""The wall of stops, and for which tenants a channel is stopped, over all of them: their ids, and no more."""

from django.db import migrations

from ondi.common.database import TenantTable

STOPPED = """
CREATE FUNCTION ondi_stopped(wanted text) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT s.tenant_id FROM public.outbox_stop AS s WHERE s.channel IN ('', wanted)
$$;
REVOKE ALL ON FUNCTION ondi_stopped(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ondi_stopped(text) TO ondi;
"""


class Migration(migrations.Migration):
    dependencies = [("outbox", "0003_outgoing")]

    operations = [TenantTable("stop"), migrations.RunSQL(STOPPED, "DROP FUNCTION ondi_stopped(text)")]
