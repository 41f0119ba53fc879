from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class StaffConfig(AppConfig):
    name = "ondi.staff"


class StaffAdminConfig(AdminConfig):
    default_site = "ondi.staff.site.StaffSite"
    default = False
