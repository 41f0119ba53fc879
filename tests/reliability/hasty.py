"""The product's settings with webhooks in haste: schedule and time limit of calls are divided by `WEBHOOK_HASTE`.

So is a thread's turn in the interpreter, 5 ms, which would be a third of the time that a call has then.
"""

import os
import sys

from ondi.settings import *  # noqa: F403

WEBHOOK_HASTE = float(os.environ["WEBHOOK_HASTE"])
sys.setswitchinterval(0.0005)
