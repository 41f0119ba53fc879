"""The product's settings with access tokens of 15 seconds in place of 15 minutes, for a run that sees them renewed."""

from datetime import timedelta

from ondi.settings import *  # noqa: F403

SIMPLE_JWT = {**SIMPLE_JWT, "ACCESS_TOKEN_LIFETIME": timedelta(seconds=15)}  # noqa: F405
