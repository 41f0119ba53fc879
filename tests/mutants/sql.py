"""Statements without one of their conditions: by where the words WHERE, ON, WHEN, IF and AND stand, no more."""

import re
from collections.abc import Iterator

_STARTS = {"WHERE", "ON", "HAVING", "WHEN", "IF"}
_ENDS = {"WHERE", "GROUP", "ORDER", "LIMIT",
         "RETURNING", "UNION", "FOR", "JOIN", "LEFT", "INNER", "CROSS", "ON", "THEN",
         "HAVING", "WHEN", "WINDOW", "EXCEPT", "LOOP", "END", "IF"}  # fmt: skip
_TOKEN = re.compile(r"'(?:[^']|'')*'|--[^\n]*|\b[A-Za-z_]+\b|[();]|\$\$|\n|[^\w\s();'$]+|\$|[0-9]+|\x00[0-9]+\x00")
_LOCK = re.compile(r"\s+FOR (?:NO KEY )?UPDATE(?: OF \w+)?(?: SKIP LOCKED)?")


def looks_like_sql(text: str) -> bool:
    return bool(re.search(r"\b(SELECT|UPDATE|DELETE|FROM)\b", text) and re.search(r"\b(WHERE|ON|WHEN|FOR)\b", text))


def without_one_condition(text: str) -> Iterator[tuple[str, str]]:
    """(what is gone, the text without it), for each condition that is joined by AND, and each lock of rows.

    A clause of one condition goes as a whole: WHERE becomes true, IF becomes false.
    """
    for start, ends, word, pieces in _clauses(text):
        if len(pieces) == 1:
            if word in ("WHERE", "IF"):
                gone = " ".join(text[start:ends].split())
                yield f"{word} {gone}", f"{text[:start]} {'true' if word == 'WHERE' else 'false'} {text[ends:]}"
            continue
        for number, (begin, end) in enumerate(pieces):
            gone = " ".join(text[begin:end].split())
            if number + 1 < len(pieces):
                yield f"{word} {gone}", f"{text[:begin]} {text[pieces[number + 1][0] :]}"
            else:
                yield f"{word} {gone}", f"{text[: pieces[number - 1][1]]} {text[end:]}"
    for found in _LOCK.finditer(text):
        yield found.group().strip(), text[: found.start()] + text[found.end() :]


def _clauses(text: str) -> Iterator[tuple[int, int, str, list[tuple[int, int]]]]:
    """(start, end, the word before it, where its operands of AND stand), inner ones too."""
    tokens = [(found.start(), found.end(), found.group()) for found in _TOKEN.finditer(text)]
    for place, (_start, end, word) in enumerate(tokens):
        opens_group = word == "(" and place and tokens[place - 1][2].upper() in {"AND", "OR", "NOT", "("} | _STARTS
        is_end = word == "IF" and tokens[place - 1][2] == "END"
        if (word in _STARTS and not is_end) or opens_group:
            until, operands = _operands(text, tokens, place, end)
            is_boolean = not opens_group or len(operands) > 1
            if is_boolean and not text[end:until].lstrip().upper().startswith(("EXISTS (SELECT FROM pg", "CONFLICT")):
                yield end, until, "(" if opens_group else word, operands


def _operands(
    text: str, tokens: list[tuple[int, int, str]], place: int, start: int
) -> tuple[int, list[tuple[int, int]]]:
    depth, between, operands, begin = 0, False, [], start
    has_or, until = False, len(text)
    for at, after, word in tokens[place + 1 :]:
        if word == "(":
            depth += 1
        elif word == ")":
            depth -= 1
        if depth < 0 or (depth == 0 and (word in _ENDS or word in (";", "$$"))):
            until = at
            break
        if depth == 0 and word == "BETWEEN":
            between = True
        elif depth == 0 and word == "OR":
            has_or = True
        elif depth == 0 and word == "AND":
            if between:
                between = False
            else:
                operands.append((begin, at))
                begin = after
    operands.append((begin, until))
    return until, [(start, until)] if has_or and len(operands) == 1 else operands
