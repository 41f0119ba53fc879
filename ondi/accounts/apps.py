from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "ondi.accounts"
    verbose_name = _("People and access")

    def ready(self) -> None:
        from ondi.accounts import schema  # noqa: F401 - tells the document how to sign in
