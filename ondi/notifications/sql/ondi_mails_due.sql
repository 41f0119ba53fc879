CREATE OR REPLACE FUNCTION public.ondi_mails_due(now timestamp with time zone, most integer, without uuid[])
 RETURNS TABLE(id uuid, tenant_id uuid)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
    SELECT due.id, tenant.id FROM public.tenants_tenant AS tenant CROSS JOIN LATERAL (
        SELECT m.id, m.next_at FROM public.notifications_mail AS m
        WHERE m.tenant_id = tenant.id AND m.state = 'waiting' AND m.next_at <= now
        ORDER BY m.next_at LIMIT 5
    ) AS due WHERE tenant.status = 'active' AND tenant.id <> ALL (without) ORDER BY due.next_at LIMIT most
$function$;
