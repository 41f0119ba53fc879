CREATE OR REPLACE FUNCTION public.ondi_claim_files(now timestamp with time zone, lease interval, most integer)
 RETURNS TABLE(id uuid, tenant_id uuid, attempt integer)
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;
