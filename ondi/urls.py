"""The front door."""

from django.conf import settings
from django.contrib import admin
from django.db import transaction
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularSwaggerSplitView

from ondi.api.document import SchemaViewSet
from ondi.api.health import HealthViewSet
from ondi.api.routes import routes_of
from ondi.notifications.bounces import provider_pages
from ondi.notifications.mailbox import mailbox, mailbox_mail
from ondi.notifications.pages import unsubscribe_page

handler400 = "ondi.api.pages.bad_request_page"
handler500 = "ondi.api.pages.broken_page"

# Pages that read no data open no transaction.
public = transaction.non_atomic_requests

mail_pages: list[URLPattern | URLResolver] = []
if settings.ANYMAIL:  # what a provider reports of mails
    mail_pages.append(path("mail-events/", include(provider_pages())))
if settings.LOCAL_MAILBOX:
    mail_pages += [
        path("mailbox", public(mailbox)),
        path("mailbox/<str:mail_id>/<str:part>", public(mailbox_mail)),
    ]
urlpatterns = [
    path("", public(RedirectView.as_view(url="/docs"))),
    path("admin", public(RedirectView.as_view(url="/admin/"))),
    path("admin/i18n/", include("django.conf.urls.i18n")),
    path("admin/", admin.site.urls),
    path("schema", SchemaViewSet.as_view({"get": "retrieve"}), name="schema"),
    path("docs", public(SpectacularSwaggerSplitView.as_view(url_name="schema")), name="docs"),
    *routes_of(HealthViewSet),
    path("notifications/unsubscribe/<str:token>", unsubscribe_page),
    *mail_pages,
    path("", include("ondi.accounts.api.urls")),
    path("", include("ondi.files.api.urls")),
    path("", include("ondi.webhooks.api.urls")),
    path("", include("deliveries.api.urls")),
    path("", include("support.api.urls")),
]
