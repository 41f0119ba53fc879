"""In which language people are answered: `?language=`, `Accept-Language`, the tenant's, English."""

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation.trans_real import parse_accept_lang_header

SUPPORTED = {code for code, _name in settings.LANGUAGES}


def supported_language(tag: str) -> str | None:
    """`ar-IQ` is `ar`; None for a language we do not speak."""
    base = tag.strip().lower().replace("_", "-").split("-")[0]
    return base if base in SUPPORTED else None


def requested_language(request: HttpRequest) -> str | None:
    """The first supported language the caller asks for; None when they ask for none."""
    wanted = [request.GET.get("language", "")]
    wanted += [tag for tag, _quality in parse_accept_lang_header(request.headers.get("Accept-Language", "")[:500])]
    return next((language for tag in wanted if (language := supported_language(tag))), None)
