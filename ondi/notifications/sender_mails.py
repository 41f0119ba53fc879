"""The mail with the code that proves a sender address. It goes to that address, and names no person."""

from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import override

from ondi.notifications.letters import Letter, one_line
from ondi.notifications.mails import Drop, Later, writes
from ondi.notifications.models import Mail
from ondi.notifications.sender_codes import PURPOSE, code_to_send, digits_of


@writes(PURPOSE)
def write_sender_code(mail: Mail, at: datetime) -> Letter | Drop | Later:
    asked = code_to_send(mail, at)
    if asked is None:
        return Drop("code_over")
    tenant = mail.membership.tenant
    language = mail.membership.language or tenant.language
    with override(language):
        said = {"tenant": one_line(tenant.name), "code": digits_of(asked)}
        return Letter(
            language=language,
            subject=_("Your code for %(tenant)s") % said,
            heading=_("Your code: %(code)s") % said,
            paragraphs=[
                _("%(tenant)s wants to send its mails from this address. To allow it, enter the code there.") % said,
                _("The code is good for one hour. If you do not know of this, there is nothing to do."),
            ],
            to=asked.address,
        )
