"""In which language people are answered: `?language=`, `Accept-Language`, the tenant's, English."""

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation.trans_real import parse_accept_lang_header

from ondi.common.languages import base_language

SUPPORTED = frozenset(settings.API_LANGUAGES)
LONGEST_HEADER = 500


def supported_language(tag: str) -> str | None:
    """`ar-IQ` is `ar`, `ckb` is `ku`; None for a language we do not speak."""
    language = base_language(tag)
    return language if language in SUPPORTED else None


def accepted_languages(request: HttpRequest) -> list[str]:
    """The tags of `Accept-Language`, the most wanted first, without those it excludes (`ar;q=0`)."""
    return [tag for tag, quality in _asked(request) if quality]


def answer_language(request: HttpRequest, tenant_language: str | None = None) -> str:
    """The first we speak of those the caller asks for, the tenant's, and English.

    What the header excludes (`ar;q=0`) is passed over, also as the tenant's. English is always left.
    """
    if asked := supported_language(request.GET.get("language", "")):
        return asked
    wanted, excluded = [], set()
    for tag, quality in _asked(request):
        if language := supported_language(tag):
            if quality:
                wanted.append(language)
            else:
                excluded.add(language)
    if wanted:
        return wanted[0]
    return tenant_language if tenant_language and tenant_language not in excluded else settings.LANGUAGE_CODE


def _asked(request: HttpRequest) -> tuple[tuple[str, float], ...]:
    """The tags of `Accept-Language` with their weights, the most wanted first."""
    header = request.headers.get("Accept-Language", "")[:LONGEST_HEADER]
    return parse_accept_lang_header(header) if header else ()
