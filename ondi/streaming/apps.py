from django.apps import AppConfig


class StreamingConfig(AppConfig):
    name = "ondi.streaming"
    verbose_name = "stream"
