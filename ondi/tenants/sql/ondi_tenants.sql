CREATE OR REPLACE FUNCTION public.ondi_tenants(wanted text[])
 RETURNS TABLE(slug text, id uuid)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
    SELECT tenant.slug::text, tenant.id FROM public.tenants_tenant AS tenant
    WHERE wanted IS NULL OR tenant.slug = ANY (wanted)
    ORDER BY tenant.slug
$function$;
