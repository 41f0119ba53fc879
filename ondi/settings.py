"""Settings, all from the environment. Reading them starts nothing; docs/deploying.md has the table."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import environ
from django.conf import global_settings
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from ondi import embedded_postgres
from ondi.common import logs
from ondi.common.connections import BoundedConnection
from ondi.common.mail_url import mail_settings
from ondi.common.origins import next_port, origin_of
from ondi.common.private_networks import parse_networks
from ondi.document_settings import SPECTACULAR_SETTINGS  # noqa: F401 - Django reads it here
from ondi.files.backends import bucket_origins, files_storage

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="insecure-key-for-development-only-0123456789" if DEBUG else "")
JWT_SIGNING_KEY = env.str("JWT_SIGNING_KEY", default="insecure-signing-key-for-development-only" if DEBUG else "")
# Earlier (or coming) keys whose signatures still count: a key changes without signing anybody out.
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
JWT_VERIFICATION_KEYS = env.list("JWT_VERIFICATION_KEYS", default=[])
WEBHOOK_SECRETS_KEY = env.str(
    "WEBHOOK_SECRETS_KEY", default="insecure-key-of-webhooks-for-development" if DEBUG else ""
)
WEBHOOK_SECRETS_KEY_FALLBACKS = env.list("WEBHOOK_SECRETS_KEY_FALLBACKS", default=[])
FILES_SIGNING_KEY = env.str("FILES_SIGNING_KEY", default="insecure-key-of-file-links-for-development" if DEBUG else "")
FILES_SIGNING_KEY_FALLBACKS = env.list("FILES_SIGNING_KEY_FALLBACKS", default=[])
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_FAILURE_VIEW = "ondi.staff.sign_in.form_expired"
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "ondi.staff.apps.StaffAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "corsheaders",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "axes",  # counted failed sign-ins in the first release: its tables stand in migrations, and nothing uses them
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "anymail",
    "ondi.api",
    "ondi.tenants",
    "ondi.outbox",
    "ondi.accounts",
    "ondi.files",
    "ondi.streaming",
    "ondi.notifications",
    "ondi.webhooks",
    "ondi.staff.apps.StaffConfig",
    "ondi.datafixes",
    "orders",
    "deliveries",
    "conversations",
    "support",
]

MIDDLEWARE = [
    "ondi.api.middleware.RequestIdMiddleware",
    "ondi.api.request_log.RequestLogMiddleware",
    "ondi.api.middleware.SecurityPolicyMiddleware",
    "ondi.api.middleware.LanguageMiddleware",
    "ondi.api.middleware.EnvelopeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "ondi.api.middleware.BodyLimitMiddleware",
    "ondi.accounts.audit.CrossTenantAuditMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "ondi.api.middleware.HostMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "ondi.staff.session_limits.SessionLimitsMiddleware",
    "ondi.staff.middleware.StaffScopeMiddleware",
    "ondi.staff.bad_input.BadInputMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

MESSAGE_STORAGE = "ondi.staff.page_messages.PageMessages"
ROOT_URLCONF = "ondi.urls"
WSGI_APPLICATION = "ondi.wsgi.application"
APPEND_SLASH = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "ondi" / "templates"],  # before unfold's, which they extend
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# Serving: in each process so many requests are worked on at once, and so many wait their turn (ondi/api/admission.py).
WEB_WORKERS = env.int("WEB_WORKERS", default=2)
WEB_THREADS = env.int("WEB_THREADS", default=4)
WEB_WAITING = env.int("WEB_WAITING", default=128)
WEB_WAIT_SECONDS = env.float("WEB_WAIT_SECONDS", default=5.0)
# A password takes a core for a third of a second: so many are hashed at once in each process, and so many wait beside
# the requests above (ondi/accounts/hashing.py).
PASSWORDS_AT_ONCE = env.int("PASSWORDS_AT_ONCE", default=1)
PASSWORDS_WAITING = env.int("PASSWORDS_WAITING", default=8)

# Database: the application's role by default, the owner's for migrations and test databases.
DATABASE_POOL_SIZE = env.int("DATABASE_POOL_SIZE", default=WEB_THREADS + PASSWORDS_AT_ONCE + 1)


def _database(variable: str, role: str) -> dict[str, Any]:
    """Where this role connects to; empty where it has no address."""
    if os.environ.get(variable):
        given: dict[str, Any] = {"OPTIONS": {}, **env.db(variable)}
        given["HOST"] = unquote(given["HOST"])  # a socket's folder comes percent-encoded
        return given
    if os.environ.get("DATABASE_URL"):
        return {}
    return {
        "OPTIONS": {},
        "NAME": embedded_postgres.DATABASE,
        "USER": role,
        "HOST": str(embedded_postgres.socket_directory()),
    }


_application = _database("DATABASE_URL", "ondi")
# Behind a pooler in transaction mode a connection is another one with each transaction: nothing may be kept on it, and
# it takes no options. The timeouts are then those of the role (`ondi/roles.sql`), which are the same.
DATABASE_POOLER = env.bool("DATABASE_POOLER", default=False)
# Past the pooler, for what listens: notifications do not come through one.
DATABASE_DIRECT_URL = env.str("DATABASE_DIRECT_URL", default="")
PREPARED_STATEMENTS = not DATABASE_POOLER  # of the hot statements
_timeouts = "-c statement_timeout=15s -c lock_timeout=10s -c idle_in_transaction_session_timeout=60s"
# Who locks rows of several tables does so in this order (ARCHITECTURE.md); what is not named comes before the last.
LOCK_ORDER = [
    "accounts_user", "accounts_membership", "orders_order", "deliveries_delivery", "support_ticket",
    "conversations_conversation", "conversations_participant", "conversations_message", "support_ticketcounter",
]  # fmt: skip
# Of the hot statements, which alone are prepared, PostgreSQL makes one plan and keeps it: making it anew each time, as
# it likes to under row-level security, costs more than following it.
_plans = "-c plan_cache_mode=force_generic_plan"

DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        **_application,
        "ENGINE": "django.db.backends.postgresql",
        "ATOMIC_REQUESTS": True,
        "CONN_MAX_AGE": 0,
        "OPTIONS": {
            **_application["OPTIONS"],
            "pool": {
                "connection_class": BoundedConnection,
                "min_size": 1,
                "max_size": DATABASE_POOL_SIZE,
                "timeout": 3,
                # Gives up quickly and is asked again by the next request: the pauses in between would double.
                "reconnect_timeout": 2,
            },
            "connect_timeout": 2,
            "keepalives_idle": 10,
            "keepalives_interval": 3,
            "keepalives_count": 3,
            "tcp_user_timeout": 15_000,
            **({} if DATABASE_POOLER else {"options": f"{_timeouts} {_plans}"}),
        },
        "DISABLE_SERVER_SIDE_CURSORS": DATABASE_POOLER,
    },
}
if _owner := _database("DATABASE_OWNER_URL", "ondi_owner"):
    DATABASES["owner"] = {**_owner, "ENGINE": "django.db.backends.postgresql"}
DATABASE_ROUTERS = ["ondi.tenants.routers.OwnerIsForMigrations"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# People
AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 8}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL, LOGIN_REDIRECT_URL = "admin:login", "admin:index"

# Staff at the admin: a second factor, and an end to every session
STAFF_SECOND_FACTOR = env.bool("STAFF_SECOND_FACTOR", default=not DEBUG)
STAFF_IDLE_LIMIT = timedelta(minutes=env.int("STAFF_IDLE_MINUTES", default=60))
STAFF_SESSION_LIMIT = timedelta(hours=env.int("STAFF_SESSION_HOURS", default=12))
SESSION_COOKIE_AGE = int(STAFF_SESSION_LIMIT.total_seconds())
OTP_TOTP_ISSUER = "OnDi Support"

# Mail: EMAIL_URL=smtp+tls://user:password@host:587, or a provider's (ondi/common/mail_url.py). Without one
# nothing is sent; in development it is kept in a folder, and read at /mailbox.
EMAIL_URL = env.str("EMAIL_URL", default="")
LOCAL_MAILBOX = embedded_postgres.data_directory() / "mailbox" if DEBUG and not EMAIL_URL else None
MAIL_IS_SENT = bool(EMAIL_URL or LOCAL_MAILBOX)
ANYMAIL: dict[str, str] = {}
vars().update(mail_settings(EMAIL_URL or "smtp://"))
if LOCAL_MAILBOX:
    EMAIL_BACKEND = "ondi.notifications.mailbox.LocalMailbox"
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="support@localhost")
EMAIL_TIMEOUT = 10
# Where this installation is reached: links in mails begin with it.
PUBLIC_URL = env.str("PUBLIC_URL", default="http://localhost:8000" if DEBUG else "").rstrip("/")
# Where the stream is (`manage.py stream`): on the next port; where that names none, behind the same proxy.
STREAM_URL = env.str("STREAM_URL", default=next_port(PUBLIC_URL)).rstrip("/")
# Files (docs/deploying.md): where links to them lead, where the stream process is if that is empty; how many bytes a
# tenant may have; a clamd that looks at each (tcp://host:port or unix:/path), none if empty.
FILES_URL = env.str("FILES_URL", default="").rstrip("/")
FILES_QUOTA_BYTES = env.int("FILES_QUOTA_BYTES", default=20 * 1024**3)
FILES_SCANNER = env.str("FILES_SCANNER", default="")
STREAM_CONNECTIONS = env.int("STREAM_CONNECTIONS", default=5_000)  # at once in one process; the next ones get a 503
# Its name. Mail, pushes and calls leave only while the database belongs to it (`manage.py outgoing`).
INSTALLATION = env.str("ONDI_INSTALLATION", default="")
# Webhooks go to public addresses, and where the operator opens a network to a tenant (tenant=network, by slug).
WEBHOOK_PRIVATE_NETWORKS = parse_networks(env.list("WEBHOOK_PRIVATE_NETWORKS", default=[]))
WEBHOOK_HASTE = 1  # the tests divide the schedule and the time limit of calls by more
PASSWORD_RESET_TIMEOUT = 3 * 24 * 60 * 60  # seconds an invitation is good

# Failed sign-ins in 15 minutes (ondi/accounts/attempts.py): per address and e-mail, per address, per e-mail. Of IPv6 a
# /64 counts as one address. Raise the second where a portal's own server signs its customers in.
SIGN_IN_FAILURES = 10
SIGN_IN_FAILURES_PER_ADDRESS = env.int("SIGN_IN_FAILURES_PER_ADDRESS", default=100)
SIGN_IN_FAILURES_PER_ACCOUNT = env.int("SIGN_IN_FAILURES_PER_ACCOUNT", default=50)
AXES_ENABLED = AXES_ENABLE_ADMIN = False
SILENCED_SYSTEM_CHECKS = ["axes.W002", "axes.W003"]  # its middleware and backend are not there

# Addresses behind a proxy: how many proxies of ours append to X-Forwarded-For
TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", default=0)

# Languages
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("ar", _("Arabic"))]  # of the admin
API_LANGUAGES = ("en", "ar", "ku", "fa")
LANGUAGES_BIDI = [*global_settings.LANGUAGES_BIDI, "ku"]  # Sorani; Django has no Kurdish of this code
LOCALE_PATHS = [BASE_DIR / "ondi" / "locale"]
USE_I18N = True
FORMAT_MODULE_PATH = "ondi.formats"  # Django's own times are written as ours
USE_TZ = True
TIME_ZONE = "UTC"

# Files: in a directory, or in a bucket. Where neither is named, what first needs them says so.
FILES_DIR = env.str("ONDI_FILES_DIR", default=str(embedded_postgres.data_directory() / "files") if DEBUG else "")
FILES_BUCKET = env.str("FILES_BUCKET", default="")
FILES_S3_ENDPOINT, FILES_S3_REGION = env.str("FILES_S3_ENDPOINT", default=""), env.str("FILES_S3_REGION", default="")
# From where pages of the admin load files, and where they send them.
FILES_ORIGINS = [
    origin_of(FILES_URL or STREAM_URL),
    *bucket_origins(bucket=FILES_BUCKET, endpoint=FILES_S3_ENDPOINT, region=FILES_S3_REGION),
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    # With a hash of what is in them in their names, so that browsers may keep them for good.
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage" if DEBUG else "ondi.static.HashedFiles"
    },
    **files_storage(
        directory=FILES_DIR,
        bucket=FILES_BUCKET,
        endpoint=FILES_S3_ENDPOINT,
        region=FILES_S3_REGION,
        access_key=env.str("FILES_S3_ACCESS_KEY", default=""),
        secret_key=env.str("FILES_S3_SECRET_KEY", default=""),
        prefix=env.str("FILES_S3_PREFIX", default=""),
    ),
}

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "static"
WHITENOISE_USE_FINDERS = DEBUG

# The API
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["ondi.accounts.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["ondi.api.parsers.StrictJSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "ondi.api.renderers.AlwaysJson",
    "DEFAULT_RENDERER_CLASSES": ["ondi.api.renderers.OrjsonRenderer"],
    "DEFAULT_THROTTLE_CLASSES": ["ondi.api.throttles.CallerThrottle", "ondi.api.throttles.TenantThrottle"],
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "ondi.api.schema.EnvelopeSchema",
    "EXCEPTION_HANDLER": "ondi.api.errors.exception_handler",
    "UNAUTHENTICATED_USER": None,
}
READS_PER_MINUTE = env.int("READS_PER_MINUTE", default=600)
WRITES_PER_MINUTE = env.int("WRITES_PER_MINUTE", default=300)
THROTTLE_BURST = env.int("THROTTLE_BURST", default=150)
TENANT_THROTTLE_FACTOR = 20
MAX_BODY_BYTES, MAX_FORM_BYTES = 128 * 1024, 256 * 1024
MAX_INTEGRATION_BODY_BYTES = 2 * 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_INTEGRATION_BODY_BYTES

SIMPLE_JWT = {
    "ALGORITHM": "HS256",
    "SIGNING_KEY": JWT_SIGNING_KEY,
    "AUDIENCE": "ondi-api",
    "ISSUER": "ondi",
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=15),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=14),
    "USER_ID_FIELD": "id",
    "USER_ID_CLAIM": "user_id",
}
REFRESH_GRACE = timedelta(seconds=10)
CLOCKS_APART = timedelta(seconds=10)  # those of two servers

CORS_ALLOWED_ORIGINS = env.list("CORS_ALLOWED_ORIGINS", default=[])
CORS_ALLOW_HEADERS = [
    "authorization", "content-type", "accept-language", "idempotency-key", "x-request-id", "last-event-id",
]  # fmt: skip
CORS_EXPOSE_HEADERS = ["X-Request-ID", "Idempotency-Replayed", "Retry-After", "Date"]
STREAM_ORIGINS = [*CORS_ALLOWED_ORIGINS, origin_of(PUBLIC_URL)]  # whose pages may read the stream: the admin's as well
CORS_URLS_REGEX = r"^/(?!admin/|integrations/)"  # a key of the platform belongs into no browser


def _sources(*others: str) -> str:
    """For a content policy: this origin, and each of these that is one."""
    return " ".join(["'self'", *dict.fromkeys(filter(None, others))])


# Security
# What a browser may load and do, by the start of the path; the longest that fits counts. unfold evaluates
# the expressions of its templates (Alpine) and sets styles in attributes; the API is no page at all.
CONTENT_SECURITY_POLICIES = {
    "/": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "/admin/": "default-src 'self'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    f"img-src {_sources('data:', *FILES_ORIGINS)}; object-src 'none'; frame-ancestors 'none'; base-uri 'none'; "
    f"form-action 'self'; connect-src {_sources(origin_of(STREAM_URL), *FILES_ORIGINS)}",
    "/notifications/unsubscribe/": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'self'",
    "/mailbox": "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'none'",
    "/docs": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXY_COUNT else None
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=not DEBUG)
SECURE_REDIRECT_EXEMPT = [r"^health/"]
SECURE_HSTS_SECONDS = 0 if DEBUG else env.int("SECURE_HSTS_SECONDS", default=31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = not DEBUG
SECURE_HSTS_PRELOAD = not DEBUG
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG
if not DEBUG:  # a browser takes such a cookie from this very host only, over TLS
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-session", "__Host-csrf"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"

LOGGING = logs.configuration(env.str("LOG_LEVEL", default="INFO"))

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "OnDi Support",
    "SITE_HEADER": "OnDi Support",
    "SITE_SYMBOL": "support_agent",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "/static/staff/favicon.svg"}],
    "SHOW_LANGUAGES": True,
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "BORDER_RADIUS": "6px",
    "STYLES": [lambda _request: static("support/workbench.css")],
    "DASHBOARD_CALLBACK": "support.admin.home.first_page",
    "ACCOUNT": {
        "navigation": [
            {"title": _("My settings"), "link": reverse_lazy("admin:support_ticket_own_settings")},
            {"title": _("Change password"), "link": reverse_lazy("admin:password_change")},
            {"title": _("Second factor"), "link": reverse_lazy("admin:second_factor")},
        ]
    },
    "SIDEBAR": {"show_search": False, "show_all_applications": False, "navigation": "ondi.staff.navigation.sidebar"},
}
