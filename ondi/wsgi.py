"""The WSGI entry point: `granian --interface wsgi ondi.wsgi:application`."""

import os

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application

SHORTEST_KEY = 32

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ondi.settings")

for _name in ("SECRET_KEY", "JWT_SIGNING_KEY"):
    if len(os.environ.get(_name, "")) < SHORTEST_KEY and not settings.DEBUG:
        raise ImproperlyConfigured(f"{_name} must be set to at least {SHORTEST_KEY} random characters.")

application = get_wsgi_application()
