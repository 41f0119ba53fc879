"""Which language a tag such as `ar-IQ` means."""

# Sorani has a tag of its own; people and programs here say Kurdish.
_SAME = {"ckb": "ku"}


def base_language(tag: str) -> str:
    """The language of a tag without its region or script: `ar-IQ` is `ar`, `ckb` is `ku`. It may be none of ours."""
    base = tag.strip().lower().replace("_", "-").partition("-")[0]
    return _SAME.get(base, base)
