"""The ASGI entry point; the product is served by WSGI (`ondi.wsgi`)."""

import os

from django.core.asgi import get_asgi_application

from ondi.keys import refuse_weak_keys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ondi.settings")
refuse_weak_keys()

application = get_asgi_application()
