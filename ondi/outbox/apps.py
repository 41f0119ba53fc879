from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules

# Where an app keeps what the work process does for it: `@subscribe`, `@every` and `@worker` stand nowhere else.
MODULES = ("subscribers", "chores", "workers")


class OutboxConfig(AppConfig):
    name = "ondi.outbox"
    verbose_name = "outbox"

    def ready(self) -> None:
        from ondi.outbox import checks  # noqa: F401 - registers them

        autodiscover_modules(*MODULES)
