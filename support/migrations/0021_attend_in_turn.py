"""Which tickets want a look, of every tenant its part: a million of one tenant's do not hold up another's ten.

`ondi_tickets_to_attend` stays for work processes that are not replaced yet.
"""

from django.db import migrations, models

TO_ATTEND = """
CREATE FUNCTION ondi_tickets_to_attend_2(now timestamptz, most integer) RETURNS TABLE (id uuid, tenant_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT due.id, tenant.id FROM public.tenants_tenant AS tenant CROSS JOIN LATERAL (
        SELECT t.id, t.attend_at FROM public.support_ticket AS t
        WHERE t.tenant_id = tenant.id AND t.attend_at <= now ORDER BY t.attend_at LIMIT most / 5
    ) AS due ORDER BY due.attend_at LIMIT most
$$;
REVOKE ALL ON FUNCTION ondi_tickets_to_attend_2(timestamptz, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ondi_tickets_to_attend_2(timestamptz, integer) TO ondi;
"""


class Migration(migrations.Migration):
    dependencies = [("support", "0020_service_level_rules")]

    operations = [
        migrations.RemoveIndex("ticket", "support_ticket_attend"),
        migrations.AddIndex(
            "ticket",
            models.Index(
                fields=["tenant", "attend_at"],
                condition=models.Q(attend_at__isnull=False),
                name="support_ticket_attend_of",
            ),
        ),
        migrations.RunSQL(TO_ATTEND, "DROP FUNCTION ondi_tickets_to_attend_2(timestamptz, integer)"),
    ]
