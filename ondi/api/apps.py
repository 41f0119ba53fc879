from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "ondi.api"
    label = "api"
