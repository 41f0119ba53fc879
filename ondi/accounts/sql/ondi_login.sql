CREATE OR REPLACE FUNCTION public.ondi_login(wanted_user uuid)
 RETURNS TABLE(id uuid, slug text, name text)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
    SELECT tenant.id, tenant.slug::text, tenant.name::text
    FROM public.accounts_membership AS member
    JOIN public.tenants_tenant AS tenant ON tenant.id = member.tenant_id
    WHERE member.user_id = wanted_user AND member.ended_at IS NULL AND tenant.status = 'active'
    ORDER BY tenant.slug
$function$;
