from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TenantsConfig(AppConfig):
    name = "ondi.tenants"
    verbose_name = _("Tenants")

    def ready(self) -> None:
        """The check of the database stands beside the tenants."""
        from ondi.tenants import checks  # noqa: F401 - registers itself
