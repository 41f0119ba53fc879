CREATE OR REPLACE FUNCTION public.ondi_terms_rounds()
 RETURNS TABLE(tenant_id uuid)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
    SELECT r.tenant_id FROM public.support_termsround AS r ORDER BY r.begun_at
$function$;
