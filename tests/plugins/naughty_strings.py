"""Strings that shells, launchers, parsers and pages have stumbled over."""

from __future__ import annotations

NAUGHTY = [
    "", " ", "\t", "\n", "a b", "a\nb", "a\n", "\n\n", "'", '"', "''", '"\'', "`touch pwned`",
    "$(touch pwned)", "${HOME}", "$HOME", "$'\\n'", "; touch pwned", "| touch pwned", "& touch pwned",
    "&& touch pwned", "> pwned", "$((1+1))", "a[$(touch pwned)]", "*", "?", "[a-z]", "~", "~root",
    "{a,b}", "{1..9}", "{x}", "{{x}}", "}", "{", "!", "!!", "\\", "\\\\", "\\n", "a\\", "#",
    "# no comment", "%s%n", "%", "\x01\x02\x1b[31m", "\x7f", "\r", "a\rb", "\r\n", "\u202e", "\u200b",
    "\ufeff", "ünïcödé", "日本語", "\N{DUCK}", "\udcff\udc80", "-", "--", "-rf", "--help", "-e", "=",
    "a=b", "../../etc/passwd", "/etc/passwd", "C:\\x", "<script>", "Robert'); DROP TABLE x;--", "(",
    ")", "((", "<<EOF", "EOF", "\\\n", "'\"'\"'", "'; touch pwned; '", '"; touch pwned; "',
    "\n; touch pwned\n", "x" * 5000,
]  # fmt: skip
