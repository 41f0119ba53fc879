from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SupportConfig(AppConfig):
    name = "support"
    verbose_name = _("Support")

    def ready(self) -> None:
        from django.contrib import admin

        from conversations.events import register_event_texts
        from support import (  # noqa: F401 - they serve the apps below
            changes,
            events,
            files,
            mails,
            notices,
            receivers,
            unanswered,
        )

        register_event_texts(events.TEXTS)

        admin.site.index_template = "support/dashboard.html"
