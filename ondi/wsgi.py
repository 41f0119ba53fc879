"""The WSGI entry point: `granian --interface wsgi ondi.wsgi:application`."""

import os

from django.core.wsgi import get_wsgi_application

from ondi.keys import refuse_weak_keys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ondi.settings")
refuse_weak_keys()

django_application = get_wsgi_application()

from ondi.api.admission import Admission  # noqa: E402 - when Django is set up

application = Admission(django_application)
