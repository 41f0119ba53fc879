"""The product's settings, for the tests: no known keys, quick password hashes, limits out of the way."""

import atexit
import os
import shutil
import tempfile

os.environ.setdefault("SECRET_KEY", "a-secret-key-of-the-tests-0123456789-abcdefgh")
os.environ.setdefault("JWT_SIGNING_KEY", "a-signing-key-of-the-tests-0123456789-abcdef")
os.environ.setdefault("WEBHOOK_SECRETS_KEY", "a-key-of-webhooks-of-the-tests-0123456789-abc")
os.environ.setdefault("FILES_SIGNING_KEY", "a-key-of-file-links-of-the-tests-0123456789-abc")
os.environ["DEBUG"] = "false"
# Of each process its own; those that it starts find what it stored.
os.environ["ONDI_FILES_DIR"] = tempfile.mkdtemp(prefix="ondi-tests-files-")
atexit.register(shutil.rmtree, os.environ["ONDI_FILES_DIR"], ignore_errors=True)

from ondi.settings import *  # noqa: E402, F403

ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
CORS_ALLOWED_ORIGINS = ["https://portal.example"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
PASSWORDS_AT_ONCE, PASSWORDS_WAITING = 8, 100
SECURE_SSL_REDIRECT = False
READS_PER_MINUTE = WRITES_PER_MINUTE = THROTTLE_BURST = 10_000_000
DATABASES["default"]["OPTIONS"].pop("pool")  # noqa: F405
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    "files": STORAGES["files"],  # noqa: F405
}
WHITENOISE_AUTOREFRESH = True
EMAIL_BACKEND, MAIL_IS_SENT = "django.core.mail.backends.locmem.EmailBackend", True
INSTALLATION, PUBLIC_URL = "the tests", "https://support.example"
WEBHOOK_HASTE = float(os.environ.get("WEBHOOK_HASTE", "1"))
STREAM_URL = "https://stream.example"
