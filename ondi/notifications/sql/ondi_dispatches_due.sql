CREATE OR REPLACE FUNCTION public.ondi_dispatches_due(wanted text, now timestamp with time zone, most integer, without uuid[])
 RETURNS TABLE(id uuid, tenant_id uuid)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
    SELECT due.id, tenant.id FROM public.tenants_tenant AS tenant CROSS JOIN LATERAL (
        SELECT d.id, d.due_at FROM public.notifications_dispatch AS d
        WHERE d.tenant_id = tenant.id AND d.channel = wanted AND d.state = 'waiting' AND d.due_at <= now
        ORDER BY d.due_at LIMIT 50
    ) AS due WHERE tenant.status = 'active' AND tenant.id <> ALL (without) ORDER BY due.due_at LIMIT most
$function$;
