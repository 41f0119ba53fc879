CREATE OR REPLACE FUNCTION public.ondi_streams_in_force(users uuid[], tenants uuid[], sessions uuid[])
 RETURNS TABLE(place bigint, membership_id uuid, is_support_user boolean)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
    SELECT asked.place, member.id, member.is_support_user
    FROM unnest(users, tenants, sessions) WITH ORDINALITY AS asked (user_id, tenant_id, session_id, place)
    JOIN public.accounts_user AS login ON login.id = asked.user_id
    JOIN public.accounts_membership AS member ON member.user_id = login.id AND member.tenant_id = asked.tenant_id
    JOIN public.tenants_tenant AS tenant ON tenant.id = asked.tenant_id
    JOIN public.accounts_refreshfamily AS session ON session.id = asked.session_id
        AND session.user_id = login.id AND session.tenant_id = tenant.id
    WHERE login.is_active AND member.ended_at IS NULL AND tenant.status = 'active' AND session.revoked_at IS NULL
$function$;
