CREATE OR REPLACE FUNCTION public.ondi_enter_2(wanted_user uuid, wanted_tenant uuid, wanted_session uuid)
 RETURNS TABLE(user_id uuid, email text, membership_id uuid, first_name text, last_name text, language text, role text, is_support_user boolean, is_view_only boolean, tenant_id uuid, tenant_slug text, tenant_name text, tenant_time_zone text, tenant_language text, portal jsonb)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
BEGIN
    PERFORM set_config('ondi.tenants', '', true);
    RETURN QUERY SELECT 
    login.id, login.email::text, member.id, member.first_name::text, member.last_name::text, member.language::text,
    member.role::text, member.is_support_user, member.is_view_only, tenant.id, tenant.slug::text, tenant.name::text,
    tenant.time_zone::text, tenant.language::text, COALESCE(settings.values, '{}')

        FROM public.accounts_user AS login
        JOIN public.accounts_membership AS member ON member.user_id = login.id
        JOIN public.tenants_tenant AS tenant ON tenant.id = member.tenant_id
        JOIN public.accounts_refreshfamily AS session
            ON session.id = wanted_session AND session.user_id = login.id AND session.tenant_id = tenant.id
        LEFT JOIN public.tenants_portalsettings AS settings ON settings.tenant_id = tenant.id
        WHERE login.id = wanted_user AND login.is_active
            AND member.tenant_id = wanted_tenant AND member.ended_at IS NULL
            AND tenant.status = 'active' AND session.revoked_at IS NULL;
    IF FOUND THEN
        PERFORM set_config('ondi.tenants', wanted_tenant::text, true);
    END IF;
END
$function$;
