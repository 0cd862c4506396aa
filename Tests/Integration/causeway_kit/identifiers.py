"""Identifiers (contract §0): which texts are identifiers, which are not, and which only look alike. The oracle of the kit of doors."""

import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True)
class Identifier:
    """A name that a producer or a client chooses.

    `limit`: the longest one in bytes of UTF-8. `is_path_segment`: URLs carry it, so that `.` and `..` between slashes are refused.
    """

    name: str
    limit: int = 256
    is_path_segment: bool = False

    def __str__(self):
        return self.name


TENANT = Identifier("tenant")
USER = Identifier("user")
EVENT_ID = Identifier("event id")
SOURCE = Identifier("source", limit=512)
INCIDENT = Identifier("incidentId")
APPROVAL = Identifier("approvalId", is_path_segment=True)
REMEDIATION = Identifier("remediationId")
#: Where an event may leave it out.
INCIDENT_OF_APPROVAL = Identifier("incidentId of an approval")
AGENT = Identifier("agent", is_path_segment=True)
WORKFLOW = Identifier("workflow", is_path_segment=True)
EXECUTION = Identifier("execution")
STEP = Identifier("step")


@dataclass(frozen=True)
class Value:
    """A text to try. Bytes that are not UTF-8 stand in it as lone surrogates (Python's `surrogateescape`)."""

    name: str
    text: str

    @property
    def bytes(self):
        return encoded(self.text)

    def __str__(self):
        return self.name


def encoded(text):
    """The bytes that a text of the kit stands for."""
    return text.encode("utf-8", "surrogateescape")


def fault(identifier, text):
    """Returns why a text is not a valid identifier; None if it is."""
    data = encoded(text)
    try:
        data.decode()
    except UnicodeDecodeError:
        return "not UTF-8"
    if not data:
        return "empty"
    if len(data) > identifier.limit:
        return f"longer than {identifier.limit} bytes"
    if any(ord(character) < 0x20 or 0x7F <= ord(character) <= 0x9F for character in text):
        return "a control character"
    if identifier.is_path_segment and {".", ".."} & set(text.split("/")):
        return "a segment that no URL carries"
    return None


def look_alikes(text):
    """Other texts that look the same: other identifiers, as bytes are compared."""
    return {unicodedata.normalize(form, text) for form in ("NFC", "NFD", "NFKC", "NFKD")} - {text}


_COMPOSED = "caf\u00e9"
_DECOMPOSED = unicodedata.normalize("NFD", _COMPOSED)
assert _COMPOSED != _DECOMPOSED


def values(identifier):
    """Returns the inputs for every door."""
    limit = identifier.limit
    return [
        Value("empty", ""),
        Value(f"{limit} bytes", "x" * limit),
        Value(f"{limit + 1} bytes", "x" * (limit + 1)),
        Value(f"{limit} bytes of two-byte characters", "é" * (limit // 2)),
        Value(f"{limit + 2} bytes of two-byte characters", "é" * (limit // 2 + 1)),
        Value("NUL", "a\0b"),
        Value("U+0001", "a\u0001b"),
        Value("U+001F", "a\u001fb"),
        Value("U+007F", "a\u007fb"),
        Value("U+0085", "a\u0085b"),
        Value("U+009F", "a\u009fb"),
        Value("line feed", "a\nb"),
        Value("CR LF", "a\r\nb"),
        Value("e with acute, one code point", _COMPOSED),
        Value("e with acute, two code points", _DECOMPOSED),
        Value("a dot", "."),
        Value("two dots", ".."),
        Value("two dots in the middle", "a/../b"),
        Value("two dots within a word", "a..b"),
        Value("a slash", "a/b"),
        Value("dots as of a subject", "a.b"),
        Value("star", "*"),
        Value("greater-than", ">"),
        Value("a space", "a b"),
        Value("an emoji", "\U0001f680"),
        Value("a percent sign", "100%"),
        Value("a percent-encoded slash", "a%2Fb"),
        Value("a plus sign", "a+b"),
        Value("a quotation mark and a backslash", 'a"\\b'),
        Value("invalid UTF-8, E3", "x-\udce3"),
        Value("invalid UTF-8, E4", "x-\udce4"),
        Value("the replacement character", "x-\ufffd"),
    ]


#: What doors are tried with that cost a process for each value, unless it is a drill.
FEW = {
    "empty", "256 bytes", "257 bytes", "U+0001", "U+0085", "line feed", "e with acute, one code point", "e with acute, two code points",
    "two dots in the middle", "star", "invalid UTF-8, E3", "the replacement character",
}  # fmt: skip
