CREATE OR REPLACE FUNCTION public.ondi_enter_staff_2(wanted_user uuid)
 RETURNS TABLE(user_id uuid, email text, membership_id uuid, first_name text, last_name text, language text, role text, is_support_user boolean, is_view_only boolean, tenant_id uuid, tenant_slug text, tenant_name text, tenant_time_zone text, tenant_language text, portal jsonb)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
BEGIN
    PERFORM set_config('ondi.tenants', COALESCE((
        SELECT string_agg(tenant.id::text, ',')
        FROM public.accounts_user AS login
        CROSS JOIN public.tenants_tenant AS tenant
        LEFT JOIN public.accounts_membership AS member
            ON member.user_id = login.id AND member.tenant_id = tenant.id
            AND member.ended_at IS NULL AND member.role <> 'customer'
        WHERE login.id = wanted_user AND login.is_active
            AND (login.is_superuser OR (member.id IS NOT NULL AND tenant.status = 'active'))
    ), ''), true);
    RETURN QUERY SELECT 
    login.id, login.email::text, member.id, member.first_name::text, member.last_name::text, member.language::text,
    member.role::text, member.is_support_user, member.is_view_only, tenant.id, tenant.slug::text, tenant.name::text,
    tenant.time_zone::text, tenant.language::text, COALESCE(settings.values, '{}')

        FROM public.accounts_user AS login
        CROSS JOIN public.tenants_tenant AS tenant
        LEFT JOIN public.tenants_portalsettings AS settings ON settings.tenant_id = tenant.id
        LEFT JOIN public.accounts_membership AS member
            ON member.user_id = login.id AND member.tenant_id = tenant.id
            AND member.ended_at IS NULL AND member.role <> 'customer'
        WHERE login.id = wanted_user AND login.is_active
            AND (login.is_superuser OR (member.id IS NOT NULL AND tenant.status = 'active'))
        ORDER BY tenant.name, tenant.id;
END
$function$;
