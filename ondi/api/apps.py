from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "ondi.api"
    label = "api"

    def ready(self) -> None:
        from ondi.api import checks  # noqa: F401 - registers them
