"""Whatever encodes, escapes or takes apart a secret, its forms are masked."""

from __future__ import annotations

import base64
import html
import json
import shlex
import urllib.parse
import xml.sax.saxutils
from collections.abc import Callable, Iterator
from xml.etree import ElementTree as ET

import pytest

from longshore.redaction import isolated, redact, redact_bytes, register

PEM = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ\nAoIBAQC7VJTUt9Us8cKjMzEfYy\n-----END KEY-----\n"
CANARIES = [
    "h0rs",
    "horse-battery-staple",
    "pa ss/w+o=rd?&%41~",
    """it's "quoted" \\ and <tagged> & so on""",
    "пароль-für-日本語-🐎🔋",
    "tab\tbell\x07end",
    PEM,
    "h0rs" * 50,
    "".join(chr(33 + index * 7 % 90) for index in range(200)),
]

Encoding = Callable[[str], str]
ENCODINGS: dict[str, Encoding] = {
    "plain": str,
    "quote": urllib.parse.quote,
    "quote everything": lambda text: urllib.parse.quote(text, safe=""),
    "quote in lower case": lambda text: lower_escapes(urllib.parse.quote(text, safe="")),
    "quote_plus": urllib.parse.quote_plus,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64 without padding": lambda text: base64.b64encode(text.encode()).decode().rstrip("="),
    "base64 in MIME lines": lambda text: base64.encodebytes(text.encode()).decode(),
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON in UTF-8": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "repr": lambda text: repr(text)[1:-1],
    "repr among both quotes": lambda text: repr(f"\"'{text}")[4:-1],
    "ascii": lambda text: ascii(text)[1:-1],
    "repr of bytes": lambda text: repr(text.encode())[2:-1],
    "repr of bytes among both quotes": lambda text: repr(f"\"'{text}".encode())[5:-1],
    "hex": lambda text: text.encode().hex(),
    "hex in upper case": lambda text: text.encode().hex().upper(),
    "HTML": html.escape,
    "HTML without quotes": lambda text: html.escape(text, quote=False),
    "XML": lambda text: xml.sax.saxutils.escape(text, {'"': "&quot;", "'": "&apos;"}),
    "XML with numbers": lambda text: xml.sax.saxutils.escape(text, {'"': "&#34;", "'": "&#39;"}),
    "XML in ASCII": lambda text: ET.tostring(element(text)).decode()[3:-4],
    "shell": lambda text: shlex.quote(f" {text}")[2:-1],
    "bash -x": lambda text: text.replace("'", "'\\''"),
}


def lower_escapes(text: str) -> str:
    head, *rest = text.split("%")
    return "%".join([head, *(piece[:2].lower() + piece[2:] for piece in rest)])


def element(text: str) -> ET.Element:
    made = ET.Element("a")
    made.text = text
    return made


@pytest.fixture(autouse=True)
def own_redaction() -> Iterator[None]:
    with isolated():
        yield


def longest_run(secret: str, shown: str) -> int:
    """Return the length of the longest piece of the secret in the text."""
    best = 0
    for start in range(len(secret)):
        while start + best < len(secret) and secret[start : start + best + 1] in shown:
            best += 1
    return best


@pytest.mark.gate("S1")
@pytest.mark.parametrize("name", ENCODINGS)
@pytest.mark.parametrize("canary", CANARIES, ids=ascii)
def test_no_encoding_of_a_canary_survives(canary: str, name: str) -> None:
    register(canary)
    encoded = ENCODINGS[name](canary)
    masked = redact(f"before {encoded} after")
    assert masked.startswith("before ***")
    assert masked.endswith(" after")
    assert longest_run(encoded, masked.removeprefix("before ").removesuffix(" after")) < 6
    assert redact_bytes(encoded.encode()) == redact(encoded).encode()


@pytest.mark.gate("S1")
@pytest.mark.parametrize("before", ["", "u", "us", "user:", "some one:"])
@pytest.mark.parametrize("after", ["", "x", "\n", " and more"])
@pytest.mark.parametrize("spell", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_secret_inside_a_longer_base64_text_is_masked(
    before: str, after: str, spell: Callable[[bytes], bytes]
) -> None:
    secret = "hörse?battery>staple~~"
    register(secret)
    encoded = spell(f"{before}{secret}{after}".encode()).decode()
    masked = redact(f"Authorization: Basic {encoded}")
    assert "***" in masked
    rest = masked.removeprefix("Authorization: Basic ").replace("***", "")
    # The characters at both ends are shared with the neighbours.
    assert len(rest) <= len(base64.b64encode(before.encode())) + len(base64.b64encode(after.encode())) + 4


@pytest.mark.gate("S1")
def test_each_line_of_a_secret_is_masked_where_lines_come_alone() -> None:
    register(PEM)
    masked = [redact(line) for line in PEM.splitlines()]
    assert masked == ["***"] * 4
    assert redact(f"    {PEM.splitlines()[1]}\r\n") == "    ***\r\n"
    assert redact(PEM) == "***\n"


@pytest.mark.gate("S1")
def test_the_strings_of_a_secret_that_is_a_json_document_are_masked_too() -> None:
    document = {
        "type": "none",
        "client": {"private_key": PEM, "ids": ["0123456789abcdef", 7]},
        "short": "abc",
    }
    register(json.dumps(document))
    indented = redact(json.dumps(document, indent=1))
    assert "0123456789abcdef" not in indented
    assert longest_run(PEM.replace("\n", "\\n"), indented) < 4
    assert '"private_key": "***\\n"' in indented
    assert redact("id 0123456789abcdef of none") == "id *** of none"
    assert redact(PEM.splitlines()[2]) == "***"


@pytest.mark.parametrize("broken", ["{", "[1, ", '{"a": horse-battery}', "[" * 100_000])
def test_a_secret_that_only_begins_like_a_document_is_masked_as_text(broken: str) -> None:
    value = f"{broken} horse-battery"
    register(value)
    assert redact(f"<{value}>") == "<***>"


@pytest.mark.gate("S1")
def test_the_password_of_a_secret_url_is_masked_by_itself() -> None:
    register("postgres://app:pa%24s-word@db.example:5432/prod?sslmode=on")
    assert redact("app pa%24s-word") == "app ***"
    assert redact("password pa$s-word is wrong for db.example") == "password *** is wrong for db.example"
    assert redact(base64.b64encode(b"app:pa$s-word").decode()).startswith("YXBw")
    assert (
        longest_run(
            base64.b64encode(b"pa$s-word").decode(), redact(base64.b64encode(b"app:pa$s-word").decode())
        )
        < 4
    )


@pytest.mark.parametrize(
    "url", ["https://db.example/a:b@c", "https://db.example:80/", "//app@db", "https://git@host"]
)
def test_a_url_without_password_gives_no_password(url: str) -> None:
    register(url)
    assert redact("db.example 80/ git b@c host app") == "db.example 80/ git b@c host app"
    assert redact(url) == "***"
