"""What a page of the admin shows comes with its ticket, so that the stream knows who has it open."""

from django.db import migrations, models

TAKE = """
CREATE FUNCTION ondi_take_stream_ticket_2(wanted_hash text, at timestamptz)
RETURNS TABLE (user_id uuid, tenant_id uuid, session_id uuid, membership_id uuid, is_support_user boolean,
    ends_at timestamptz, admin_session text, subject_id uuid)
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
            taken.admin_session::text, taken.subject_id;
    ELSE
        RETURN QUERY SELECT entered.user_id, entered.tenant_id, taken.session_id, entered.membership_id,
            entered.is_support_user, taken.ends_at, '', NULL::uuid
            FROM public.ondi_enter_2(taken.user_id, taken.tenant_id, taken.session_id) AS entered;
    END IF;
END
$$;
REVOKE ALL ON FUNCTION ondi_take_stream_ticket_2(text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ondi_take_stream_ticket_2(text, timestamptz) TO ondi;
"""


class Migration(migrations.Migration):
    dependencies = [("streaming", "0002_rules")]

    operations = [
        migrations.AddField("streamticket", "subject_id", models.UUIDField(null=True)),
        migrations.AddConstraint(
            "streamticket",
            models.CheckConstraint(
                condition=models.Q(
                    ("subject_id", None), models.Q(("admin_session", ""), _negated=True), _connector="OR"
                ),
                name="streaming_ticket_shown_by_page",
            ),
        ),
        migrations.RunSQL(TAKE, "DROP FUNCTION ondi_take_stream_ticket_2(text, timestamptz)"),
    ]
