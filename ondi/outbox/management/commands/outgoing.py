"""`manage.py outgoing`: whether mail, push and calls leave this installation."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ondi.outbox.models import Installation, Stop
from ondi.outbox.outgoing import Outgoing, adopt, adopted_by, is_ours, start, stop
from ondi.tenants.scope import find_tenants, tenant_scope


class Command(BaseCommand):
    help = (
        "Whether mail, push and calls leave. `status`: what is stopped, and whether this database is this "
        "installation's; `stop`, `start`: by --channel or all, of --tenant or all, at once and without losing anything "
        "(what is older than a day by then is dropped, and recorded); `adopt`: this database writes to the world "
        "from this installation (ONDI_INSTALLATION) from now on, and from no other."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["status", "stop", "start", "adopt"])
        parser.add_argument("--channel", choices=[one.value for one in Outgoing])
        parser.add_argument("--tenant", metavar="SLUG", help="Only this tenant's.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["what"] == "adopt":
            self._adopt(options)
        elif options["what"] != "status":
            self._change(options)
        self._tell_status()

    def _adopt(self, options: dict[str, Any]) -> None:
        if options["channel"] or options["tenant"]:
            raise CommandError("A database is adopted as a whole: leave --channel and --tenant out.")
        if not settings.INSTALLATION:
            raise CommandError("ONDI_INSTALLATION names no installation; set it here and where `manage.py work` runs.")
        adopt(settings.INSTALLATION)

    def _change(self, options: dict[str, Any]) -> None:
        channel = Outgoing(options["channel"]) if options["channel"] else None
        change = stop if options["what"] == "stop" else start
        if options["tenant"] is None:
            change(channel=channel)
            return
        tenant_id = find_tenants(options["tenant"]).get(options["tenant"])
        if tenant_id is None:
            raise CommandError(f"There is no tenant {options['tenant']}.")
        with tenant_scope(tenant_id):
            change(channel=channel, tenant_id=tenant_id)

    def _tell_status(self) -> None:
        here, owner = settings.INSTALLATION or "none (ONDI_INSTALLATION is not set)", adopted_by() or "none"
        self.stdout.write(f"installation: {here}; this database belongs to: {owner}")
        if not is_ours():
            self.stdout.write("Nothing goes out from here. `manage.py outgoing adopt` makes this database this one's.")
        for channel in Installation.objects.values_list("stopped", flat=True).first() or ():
            self.stdout.write(f"stopped for everybody: {channel or 'everything'}")
        for slug, tenant_id in sorted(find_tenants().items()):
            with tenant_scope(tenant_id):
                for one in Stop.objects.order_by("channel"):
                    self.stdout.write(f"stopped for {slug} since {one.since:%Y-%m-%d %H:%M} UTC: {one}")
