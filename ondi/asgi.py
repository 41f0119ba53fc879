"""The ASGI entry point; the product is served by WSGI (`ondi.wsgi`)."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ondi.settings")

application = get_asgi_application()
