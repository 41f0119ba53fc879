"""The walls of service levels; promises and clocks go with their ticket; which tickets want a look, of all tenants."""

from importlib import import_module

from django.db import migrations

from ondi.common.database import TenantLinks, TenantTable

PURGE = import_module("support.migrations.0018_files").PURGE_WITH_FILES
VIEWERS = "    DELETE FROM public.support_ticketviewer"
assert VIEWERS in PURGE
PURGE_WITH_CLOCKS = PURGE.replace(
    VIEWERS,
    """    DELETE FROM public.support_ticketclock WHERE tenant_id = ANY (scope) AND ticket_id = ANY (tickets);
    DELETE FROM public.support_ticketterms WHERE tenant_id = ANY (scope) AND ticket_id = ANY (tickets);
"""
    + VIEWERS,
)
TO_ATTEND = """
CREATE FUNCTION ondi_tickets_to_attend(now timestamptz, most integer) RETURNS TABLE (id uuid, tenant_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT t.id, t.tenant_id FROM public.support_ticket AS t WHERE t.attend_at <= now ORDER BY t.attend_at LIMIT most
$$;
REVOKE ALL ON FUNCTION ondi_tickets_to_attend(timestamptz, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ondi_tickets_to_attend(timestamptz, integer) TO ondi;
"""
ROUNDS = """
CREATE FUNCTION ondi_terms_rounds() RETURNS TABLE (tenant_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT r.tenant_id FROM public.support_termsround AS r ORDER BY r.begun_at
$$;
REVOKE ALL ON FUNCTION ondi_terms_rounds() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ondi_terms_rounds() TO ondi;
"""


class Migration(migrations.Migration):
    dependencies = [("support", "0019_service_levels")]

    operations = [
        TenantTable("Calendar", referenced=True),
        TenantTable("CalendarVersion", referenced=True, append_only=True),
        TenantTable("Policy", referenced=True),
        TenantTable("PolicyVersion", referenced=True, append_only=True),
        TenantTable("TermsRound"),
        TenantTable("TicketTerms"),
        TenantTable("TicketClock"),
        TenantLinks("CalendarVersion"),
        TenantLinks("PolicyVersion"),
        TenantLinks("TicketTerms"),
        TenantLinks("TicketClock"),
        migrations.RunSQL(PURGE_WITH_CLOCKS, PURGE),
        migrations.RunSQL(TO_ATTEND, "DROP FUNCTION ondi_tickets_to_attend(timestamptz, integer)"),
        migrations.RunSQL(ROUNDS, "DROP FUNCTION ondi_terms_rounds()"),
    ]
