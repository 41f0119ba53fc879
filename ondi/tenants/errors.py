"""What can go wrong with tenants."""

from django.utils.translation import gettext_lazy as _

from ondi.common.errors import DomainError, Kind


class TenantSlugTaken(DomainError):
    code = "tenant_slug_taken"
    kind = Kind.CONFLICT
    message = _("There is already a tenant with this slug.")
