"""What the codes of calls that failed mean (`ondi/webhooks/sender.py`, `sending.py`)."""

from django.utils.translation import gettext_lazy

OUTCOMES = {
    "refused": gettext_lazy("The program answered with an error."),
    "redirected": gettext_lazy("The program answered with a redirect, which is not followed."),
    "address_not_allowed": gettext_lazy("The address leads to where no call may go."),
    "name_not_found": gettext_lazy("The name was not found."),
    "name_timed_out": gettext_lazy("Looking up the name took too long."),
    "not_connected": gettext_lazy("No connection could be made."),
    "tls_failed": gettext_lazy("The certificate does not count, or the encryption failed."),
    "timed_out": gettext_lazy("There was no answer in time."),
    "closed_early": gettext_lazy("The connection was closed before the answer was complete."),
    "bad_answer": gettext_lazy("What came was no answer of HTTP."),
    "answer_too_long": gettext_lazy("The answer was too long."),
    "event_not_kept": gettext_lazy("The event is not kept any more."),
    "not_written": gettext_lazy("The body could not be written."),
    "secret_not_readable": gettext_lazy("The secret cannot be read. Rotate it."),
}
