from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.contrib.auth.signals import user_logged_in


class StaffConfig(AppConfig):
    name = "ondi.staff"

    def ready(self) -> None:
        from ondi.staff.live import sittings
        from ondi.staff.session_limits import note_beginning
        from ondi.streaming.rule import register_sittings

        register_sittings(sittings)
        user_logged_in.connect(note_beginning)


class StaffAdminConfig(AdminConfig):
    default_site = "ondi.staff.site.StaffSite"
    default = False
