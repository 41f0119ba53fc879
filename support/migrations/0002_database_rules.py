"""The tenant wall around this app's tables."""

from django.db import migrations

from ondi.common.database import TenantLinks, TenantTable


class Migration(migrations.Migration):
    dependencies = [
        ("support", "0001_initial"),
        ("deliveries", "0002_database_rules"),
        ("conversations", "0002_database_rules"),
    ]

    operations = [
        TenantTable("Ticket", referenced=True),
        TenantTable("Tag", referenced=True),
        TenantTable("TicketTag"),
        TenantTable("TicketCounter"),
        TenantTable("TicketEvent", append_only=True),
        TenantTable("TicketNote"),
        TenantTable("TicketViewer"),
        TenantTable("CannedReply"),
        TenantLinks("Ticket"),
        TenantLinks("TicketTag"),
        TenantLinks("TicketEvent"),
        TenantLinks("TicketNote"),
        TenantLinks("TicketViewer"),
    ]
