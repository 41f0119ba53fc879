from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NotificationsConfig(AppConfig):
    name = "ondi.notifications"
    verbose_name = _("Notifications")

    def ready(self) -> None:
        from ondi.notifications import bounces, link_mails, sender_mails  # noqa: F401 - they listen, and write
