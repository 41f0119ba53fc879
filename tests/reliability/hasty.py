"""The product's settings with webhooks in haste: schedule and time limit of calls are divided by `WEBHOOK_HASTE`."""

import os

from ondi.settings import *  # noqa: F403

WEBHOOK_HASTE = float(os.environ["WEBHOOK_HASTE"])
