from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DataFixesConfig(AppConfig):
    name = "ondi.datafixes"
    verbose_name = _("Data fixes")
