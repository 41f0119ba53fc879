"""The last places of a host and of a tenant are for endpoints with no call under way, so that slow ones starve none.

The function keeps its name: what is asked and answered is the same, and the code before works with it.
"""

from importlib import import_module

from django.db import migrations

CLAIM = """
CREATE OR REPLACE FUNCTION ondi_claim_deliveries(now timestamptz, lease interval, most integer, without uuid[])
RETURNS TABLE (id uuid, tenant_id uuid) LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('ondi_claim_deliveries'));
    RETURN QUERY WITH called AS MATERIALIZED (
        SELECT e.tenant_id AS tenant, e.id AS endpoint, e.host, count(*)::integer AS calls
        FROM public.webhooks_delivery AS d JOIN public.webhooks_endpoint AS e ON e.id = d.endpoint_id
        WHERE d.leased_until > now GROUP BY e.id
    ), busy AS MATERIALIZED (
        SELECT e.id AS endpoint, e.tenant_id AS tenant, e.host, COALESCE(b.failures >= 10, false) AS fails,
            COALESCE(b.open_until > now, false) AS is_open,
            COALESCE((SELECT sum(c.calls) FROM called AS c WHERE c.endpoint = e.id), 0)::integer AS of_endpoint,
            COALESCE((SELECT sum(c.calls) FROM called AS c WHERE c.host = e.host), 0)::integer AS of_host,
            COALESCE((SELECT sum(c.calls) FROM called AS c WHERE c.tenant = e.tenant_id AND c.host = e.host), 0)
                ::integer AS of_own_host,
            COALESCE((SELECT sum(c.calls) FROM called AS c WHERE c.tenant = e.tenant_id), 0)::integer AS of_tenant
        FROM public.tenants_tenant AS t JOIN public.webhooks_endpoint AS e ON e.tenant_id = t.id
        LEFT JOIN public.webhooks_breaker AS b ON b.tenant_id = e.tenant_id AND b.host = e.host
        WHERE t.status = 'active' AND t.id <> ALL (without)
    ), due AS MATERIALIZED (
        SELECT found.id, found.next_at, busy.tenant, busy.host, busy.of_host, busy.of_own_host, busy.of_tenant,
            busy.fails AND NOT found.is_test AS is_probe, busy.of_endpoint
                + row_number() OVER (PARTITION BY busy.endpoint ORDER BY found.next_at, found.id) AS nth
        FROM busy CROSS JOIN LATERAL (
            SELECT d.id, d.next_at, d.position IS NULL AS is_test FROM public.webhooks_delivery AS d
            WHERE d.tenant_id = busy.tenant AND d.endpoint_id = busy.endpoint AND d.state = 'waiting'
                AND d.next_at <= now AND (d.position IS NULL OR NOT busy.is_open)
                AND (d.leased_until IS NULL OR d.leased_until <= now)
            ORDER BY d.next_at
            LIMIT CASE WHEN busy.fails AND NOT busy.is_open THEN GREATEST(1 - busy.of_own_host, 0)
                ELSE GREATEST(LEAST(4 - busy.of_endpoint, 8 - busy.of_host), 0) END
            FOR UPDATE OF d SKIP LOCKED
        ) AS found
    ), ranked AS (
        SELECT due.id, due.next_at, due.nth, due.is_probe, due.of_host, due.of_own_host, due.of_tenant,
            row_number() OVER (PARTITION BY due.tenant ORDER BY due.nth, due.next_at, due.id) AS in_tenant,
            row_number() OVER (PARTITION BY due.host ORDER BY due.nth, due.next_at, due.id) AS in_host,
            row_number() OVER (PARTITION BY due.tenant, due.host, due.is_probe ORDER BY due.next_at, due.id)
                AS in_own_host
        FROM due
    ), chosen AS (
        SELECT ranked.id FROM ranked
        WHERE in_tenant <= 5 AND in_host + of_host <= CASE nth WHEN 1 THEN 8 ELSE 6 END
            AND (nth = 1 OR in_tenant + of_tenant <= 16) AND (NOT is_probe OR in_own_host + of_own_host <= 1)
        ORDER BY ranked.nth, ranked.next_at LIMIT most
    )
    UPDATE public.webhooks_delivery AS d
    SET attempts = d.attempts + 1, next_at = now + lease, leased_until = now + lease
    FROM chosen WHERE d.id = chosen.id RETURNING d.id, d.tenant_id;
END
$$;
"""
BEFORE = import_module("ondi.webhooks.migrations.0002_rules").CLAIM.replace(
    "CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"
)


class Migration(migrations.Migration):
    dependencies = [("webhooks", "0002_rules")]

    operations = [migrations.RunSQL(CLAIM, BEFORE)]
