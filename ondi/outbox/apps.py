from django.apps import AppConfig


class OutboxConfig(AppConfig):
    name = "ondi.outbox"
    verbose_name = "outbox"
