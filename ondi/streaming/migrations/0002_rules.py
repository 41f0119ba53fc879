"""The wall of tickets, and what reads before there is a scope: taking a ticket, and asking who is still in."""

from django.db import migrations

from ondi.common.database import TenantTable

# Deleting it is taking it: of any number of processes one gets it.
TAKE = """
CREATE FUNCTION ondi_take_stream_ticket(wanted_hash text, at timestamptz)
RETURNS TABLE (user_id uuid, tenant_id uuid, session_id uuid, membership_id uuid, is_support_user boolean,
    ends_at timestamptz, admin_session text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    taken public.streaming_streamticket;
BEGIN
    PERFORM set_config('ondi.tenants', '', true);
    DELETE FROM public.streaming_streamticket WHERE ticket_hash = wanted_hash RETURNING * INTO taken;
    IF taken.expires_at <= at OR taken.ends_at <= at THEN
        RETURN;
    ELSIF taken.admin_session <> '' THEN
        RETURN QUERY SELECT taken.user_id, taken.tenant_id, NULL::uuid, NULL::uuid, false, taken.ends_at,
            taken.admin_session::text;
    ELSE
        RETURN QUERY SELECT entered.user_id, entered.tenant_id, taken.session_id, entered.membership_id,
            entered.is_support_user, taken.ends_at, ''
            FROM public.ondi_enter_2(taken.user_id, taken.tenant_id, taken.session_id) AS entered;
    END IF;
END
$$;
REVOKE ALL ON FUNCTION ondi_take_stream_ticket(text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ondi_take_stream_ticket(text, timestamptz) TO ondi;
"""

# Over all tenants: which of these are in force as `ondi_enter_2` has it, by their place, and as what.
IN_FORCE = """
CREATE FUNCTION ondi_streams_in_force(users uuid[], tenants uuid[], sessions uuid[])
RETURNS TABLE (place bigint, membership_id uuid, is_support_user boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT asked.place, member.id, member.is_support_user
    FROM unnest(users, tenants, sessions) WITH ORDINALITY AS asked (user_id, tenant_id, session_id, place)
    JOIN public.accounts_user AS login ON login.id = asked.user_id
    JOIN public.accounts_membership AS member ON member.user_id = login.id AND member.tenant_id = asked.tenant_id
    JOIN public.tenants_tenant AS tenant ON tenant.id = asked.tenant_id
    JOIN public.accounts_refreshfamily AS session ON session.id = asked.session_id
        AND session.user_id = login.id AND session.tenant_id = tenant.id
    WHERE login.is_active AND member.ended_at IS NULL AND tenant.status = 'active' AND session.revoked_at IS NULL
$$;
REVOKE ALL ON FUNCTION ondi_streams_in_force(uuid[], uuid[], uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ondi_streams_in_force(uuid[], uuid[], uuid[]) TO ondi;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("streaming", "0001_initial"),
        ("accounts", "0011_enter_with_portal"),
        ("tenants", "0005_portal_values"),
    ]

    operations = [
        TenantTable("streamticket"),
        migrations.RunSQL(TAKE, "DROP FUNCTION ondi_take_stream_ticket(text, timestamptz)"),
        migrations.RunSQL(IN_FORCE, "DROP FUNCTION ondi_streams_in_force(uuid[], uuid[], uuid[])"),
    ]
