"""What can go wrong with tenants."""

from django.utils.translation import gettext_lazy as _

from ondi.common.errors import DomainError, Kind


class SettingsMissing(DomainError):
    """A tenant without its row of portal settings, which `create_tenant` makes with it: nobody can enter it."""

    code = "settings_missing"
    kind = Kind.UNAVAILABLE
    message = "This tenant has no portal settings, so nobody can enter it."  # of commands, which speak English

    def __init__(self, slug: str) -> None:
        super().__init__()
        self.slug = slug

    def __str__(self) -> str:
        return f"{self.slug}: {self.message}"


class TenantSlugTaken(DomainError):
    code = "tenant_slug_taken"
    kind = Kind.CONFLICT
    message = _("There is already a tenant with this slug.")
