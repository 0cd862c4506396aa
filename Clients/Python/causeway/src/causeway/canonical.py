"""The canonical form of JSON (RFC 8785), and the digest that binds an approval to its action (contract §12)."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

#: RFC 7493 §2.2: the largest whole number that every reader of JSON keeps.
_LARGEST = 2**53 - 1


def action_digest(action: Any) -> str:
    """`sha256:` and the SHA-256 of the action's canonical form. Raises ValueError for what has none."""
    return f"sha256:{hashlib.sha256(canonical(action)).hexdigest()}"


def canonical(value: Any) -> bytes:
    """The canonical form of a JSON value: dict with str keys, list or tuple, str, int, float, bool, None.

    Raises ValueError for anything else: numbers that are not finite, whole numbers beyond 2**53 - 1 (write them as text), halves of
    surrogate pairs.
    """
    try:
        return _text(value).encode()
    except UnicodeEncodeError:
        raise ValueError("half a surrogate pair is no text, and has no canonical form") from None


def _text(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            # With ensure_ascii=False Python escapes exactly what RFC 8785 §3.2.2.2 has escaped, in the same way.
            return json.dumps(value, ensure_ascii=False)
        case int():
            if abs(value) > _LARGEST:
                raise ValueError(f"{value} is beyond the whole numbers that every reader of JSON keeps: write it as text")
            return int.__repr__(value)
        case float():
            return _number(value)
        case list() | tuple():
            return f"[{','.join(map(_text, value))}]"
        case dict():
            if not all(isinstance(name, str) for name in value):
                raise ValueError("the names of an object's members are text")
            # RFC 8785 §3.2.3: ordered by UTF-16 code units.
            members = sorted(value.items(), key=lambda member: member[0].encode("utf-16-be"))
            return "{" + ",".join(f"{_text(name)}:{_text(member)}" for name, member in members) + "}"
    raise ValueError(f"{type(value).__name__} is not a value of JSON")


def _number(value: float) -> str:
    """A number as ECMAScript writes it (Number::toString): the shortest digits, which Python's repr has too, placed by other rules."""
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a number of JSON")
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = float.__repr__(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    # The value is 0.DIGITS times ten to the power of `point`.
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    count = len(digits)
    if count <= point <= 21:
        return sign + digits + "0" * (point - count)
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    power = f"e{'+' if point > 0 else '-'}{abs(point - 1)}"
    return sign + digits[0] + (f".{digits[1:]}" if count > 1 else "") + power
