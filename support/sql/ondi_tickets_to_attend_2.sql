CREATE OR REPLACE FUNCTION public.ondi_tickets_to_attend_2(now timestamp with time zone, most integer)
 RETURNS TABLE(id uuid, tenant_id uuid)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
    SELECT due.id, tenant.id FROM public.tenants_tenant AS tenant CROSS JOIN LATERAL (
        SELECT t.id, t.attend_at FROM public.support_ticket AS t
        WHERE t.tenant_id = tenant.id AND t.attend_at <= now ORDER BY t.attend_at LIMIT most / 5
    ) AS due ORDER BY due.attend_at LIMIT most
$function$;
