"""`manage.py sender_domain`: from addresses of which domains a tenant's mails may come."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ondi.notifications.sender_addresses import allow_domain, allowed_domains, withdraw_domain
from ondi.tenants.scope import find_tenants, tenant_scope


class Command(BaseCommand):
    help = (
        "From addresses of which domains a tenant's mails may come, once the tenant has proved the address by a code. "
        "`allow` and `withdraw` a domain, which counts at once and for none of its subdomains; `list` them. "
        "Before you allow one, its DNS has to let this installation send (docs/deploying.md)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["allow", "withdraw", "list"])
        parser.add_argument("domain", nargs="?", default="", help="As shop.example; with `allow` and `withdraw`.")
        parser.add_argument("--tenant", metavar="SLUG", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        tenant_id = find_tenants(options["tenant"]).get(options["tenant"])
        if tenant_id is None:
            raise CommandError(f"There is no tenant {options['tenant']}.")
        if bool(options["domain"]) is (options["what"] == "list"):
            raise CommandError("`allow` and `withdraw` need a domain; `list` takes none.")
        with tenant_scope(tenant_id):
            try:
                self._do(options["what"], domain=options["domain"], tenant_id=tenant_id)
            except ValueError as error:
                raise CommandError(f"{options['domain']} is no domain. Name one as shop.example.") from error
            for domain in allowed_domains(tenant_id):
                self.stdout.write(domain)

    def _do(self, what: str, **named: Any) -> None:
        if what == "allow":
            allow_domain(**named)
        elif what == "withdraw" and not withdraw_domain(**named):
            raise CommandError(f"{named['domain']} was not allowed.")
