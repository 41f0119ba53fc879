"""The tenant wall around people, and the functions that let them in."""

from django.db import migrations

from ondi.common.database import TenantLinks, TenantTable

PERSON_COLUMNS = """
    user_id uuid, email text, membership_id uuid, first_name text, last_name text, language text, role text,
    is_support_user boolean, is_view_only boolean, tenant_id uuid, tenant_slug text, tenant_name text,
    tenant_time_zone text, tenant_language text, allow_customer_close boolean, support_chat_enabled boolean,
    max_customer_priority text, acknowledgement_html jsonb
"""
PERSON = """
    login.id, login.email::text, member.id, member.first_name::text, member.last_name::text, member.language::text,
    member.role::text, member.is_support_user, member.is_view_only, tenant.id, tenant.slug::text, tenant.name::text,
    tenant.time_zone::text, tenant.language::text, portal.allow_customer_close, portal.support_chat_enabled,
    portal.max_customer_priority::text, portal.acknowledgement_html
"""

# With an access token: the person, if login, membership, tenant and session are all in force, and the scope.
ENTER = f"""
CREATE FUNCTION ondi_enter(wanted_user uuid, wanted_tenant uuid, wanted_session uuid)
RETURNS TABLE ({PERSON_COLUMNS})
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM set_config('ondi.tenants', '', true);
    RETURN QUERY SELECT {PERSON}
        FROM public.accounts_user AS login
        JOIN public.accounts_membership AS member ON member.user_id = login.id
        JOIN public.tenants_tenant AS tenant ON tenant.id = member.tenant_id
        JOIN public.tenants_portalsettings AS portal ON portal.tenant_id = tenant.id
        JOIN public.accounts_refreshfamily AS session
            ON session.id = wanted_session AND session.user_id = login.id AND session.tenant_id = tenant.id
        WHERE login.id = wanted_user AND login.is_active
            AND member.tenant_id = wanted_tenant AND member.ended_at IS NULL
            AND tenant.status = 'active' AND session.revoked_at IS NULL;
    IF FOUND THEN
        PERFORM set_config('ondi.tenants', wanted_tenant::text, true);
    END IF;
END
$$;
REVOKE ALL ON FUNCTION ondi_enter(uuid, uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ondi_enter(uuid, uuid, uuid) TO ondi;
"""

# Into the admin: every tenant this login is staff of; for the platform operator every tenant.
ENTER_STAFF = f"""
CREATE FUNCTION ondi_enter_staff(wanted_user uuid)
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
        JOIN public.tenants_portalsettings AS portal ON portal.tenant_id = tenant.id
        LEFT JOIN public.accounts_membership AS member
            ON member.user_id = login.id AND member.tenant_id = tenant.id
            AND member.ended_at IS NULL AND member.role <> 'customer'
        WHERE login.id = wanted_user AND login.is_active
            AND (login.is_superuser OR (member.id IS NOT NULL AND tenant.status = 'active'))
        ORDER BY tenant.name, tenant.id;
END
$$;
REVOKE ALL ON FUNCTION ondi_enter_staff(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ondi_enter_staff(uuid) TO ondi;
"""

# After the right password: which tenants there are to choose from.
LOGIN = """
CREATE FUNCTION ondi_login(wanted_user uuid) RETURNS TABLE (id uuid, slug text, name text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT tenant.id, tenant.slug::text, tenant.name::text
    FROM public.accounts_membership AS member
    JOIN public.tenants_tenant AS tenant ON tenant.id = member.tenant_id
    WHERE member.user_id = wanted_user AND member.ended_at IS NULL AND tenant.status = 'active'
    ORDER BY tenant.slug
$$;
REVOKE ALL ON FUNCTION ondi_login(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ondi_login(uuid) TO ondi;
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial"), ("tenants", "0002_database_rules")]

    operations = [
        TenantTable("Membership", referenced=True),
        TenantTable("RefreshFamily"),
        TenantTable("ApiKey"),
        TenantTable("SettingsChange", append_only=True),
        migrations.RunSQL(ENTER, "DROP FUNCTION ondi_enter(uuid, uuid, uuid)"),
        migrations.RunSQL(ENTER_STAFF, "DROP FUNCTION ondi_enter_staff(uuid)"),
        migrations.RunSQL(LOGIN, "DROP FUNCTION ondi_login(uuid)"),
        TenantLinks("ApiKey"),
        TenantLinks("SettingsChange"),
    ]
