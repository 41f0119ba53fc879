"""Entering tells the portal's settings as one document, so that a new setting changes no function.

A tenant without a row of settings is entered too: each of them is at its default then. The former functions stay for a
release, for workers that still run; the next one drops them.
"""

from django.db import migrations

PERSON_COLUMNS = """
    user_id uuid, email text, membership_id uuid, first_name text, last_name text, language text, role text,
    is_support_user boolean, is_view_only boolean, tenant_id uuid, tenant_slug text, tenant_name text,
    tenant_time_zone text, tenant_language text, portal jsonb
"""
PERSON = """
    login.id, login.email::text, member.id, member.first_name::text, member.last_name::text, member.language::text,
    member.role::text, member.is_support_user, member.is_view_only, tenant.id, tenant.slug::text, tenant.name::text,
    tenant.time_zone::text, tenant.language::text, COALESCE(settings.values, '{}')
"""

ENTER = f"""
CREATE FUNCTION ondi_enter_2(wanted_user uuid, wanted_tenant uuid, wanted_session uuid)
RETURNS TABLE ({PERSON_COLUMNS})
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM set_config('ondi.tenants', '', true);
    RETURN QUERY SELECT {PERSON}
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
$$;
REVOKE ALL ON FUNCTION ondi_enter_2(uuid, uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ondi_enter_2(uuid, uuid, uuid) TO ondi;
"""

ENTER_STAFF = f"""
CREATE FUNCTION ondi_enter_staff_2(wanted_user uuid)
RETURNS TABLE ({PERSON_COLUMNS})
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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
    RETURN QUERY SELECT {PERSON}
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
$$;
REVOKE ALL ON FUNCTION ondi_enter_staff_2(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ondi_enter_staff_2(uuid) TO ondi;
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0010_enter_with_scopes"), ("tenants", "0005_portal_values")]

    operations = [
        migrations.RunSQL(ENTER, "DROP FUNCTION ondi_enter_2(uuid, uuid, uuid)"),
        migrations.RunSQL(ENTER_STAFF, "DROP FUNCTION ondi_enter_staff_2(uuid)"),
    ]
