from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "ondi.accounts"
    verbose_name = _("People and access")

    def ready(self) -> None:
        # The document is told how to sign in; what repeats is registered.
        from ondi.accounts import expired, schema  # noqa: F401
