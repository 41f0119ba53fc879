"""Writing tenants."""

from django.db import IntegrityError, transaction

from ondi.common.ids import new_id
from ondi.tenants.errors import TenantSlugTaken
from ondi.tenants.models import PortalSettings, Tenant
from ondi.tenants.scope import tenant_scope


@transaction.atomic
def create_tenant(*, slug: str, name: str, **details: str) -> Tenant:
    """Create a tenant with its row of portal settings, all at their defaults.

    `details`: other fields of `Tenant`. Raises `TenantSlugTaken`, and Django's `ValidationError`
    where a field does not hold what it should.
    """
    tenant = Tenant(id=new_id(), slug=slug, name=name, **details)
    tenant.full_clean(validate_unique=False)
    with tenant_scope(tenant.id):
        try:
            with transaction.atomic():
                tenant.save(force_insert=True)
        except IntegrityError as error:
            raise TenantSlugTaken from error
        PortalSettings.objects.create(tenant=tenant)
    return tenant
