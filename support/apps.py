from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SupportConfig(AppConfig):
    name = "support"
    verbose_name = _("Support")

    def ready(self) -> None:
        from django.contrib import admin

        from support import receivers  # noqa: F401 - listens to the apps below

        admin.site.index_template = "support/front_page.html"
