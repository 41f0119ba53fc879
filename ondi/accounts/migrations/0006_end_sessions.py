"""Ending a login's sessions wherever they are: also in a tenant that is suspended just now and may come back."""

from django.db import migrations

END_SESSIONS = """
CREATE FUNCTION ondi_end_sessions(wanted_user uuid, kept_session uuid, moment timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    UPDATE public.accounts_refreshfamily AS session SET revoked_at = moment
    FROM public.accounts_membership AS member
    WHERE member.user_id = wanted_user AND session.tenant_id = member.tenant_id AND session.user_id = wanted_user
        AND session.revoked_at IS NULL AND session.id IS DISTINCT FROM kept_session
$$;
REVOKE ALL ON FUNCTION ondi_end_sessions(uuid, uuid, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ondi_end_sessions(uuid, uuid, timestamptz) TO ondi;
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_own_logins")]

    operations = [migrations.RunSQL(END_SESSIONS, "DROP FUNCTION ondi_end_sessions(uuid, uuid, timestamptz)")]
