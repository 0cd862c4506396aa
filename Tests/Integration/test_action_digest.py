"""The digest of an approval's action (contract §12), compared with PyPI's `rfc8785`, which was written by others."""

import hashlib
import json
import math
import struct

import pytest
import rfc8785

from causeway_kit.services import command, is_built
from causeway_kit.sizes import size

pytestmark = pytest.mark.skipif(not is_built("causeway"), reason="causeway is not built")

#: RFC 8785, appendix B: the bits of a number and its form.
NUMBERS = {
    "0000000000000000": "0", "8000000000000000": "0", "0000000000000001": "5e-324", "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308", "ffefffffffffffff": "-1.7976931348623157e+308", "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992", "4430000000000000": "295147905179352830000", "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23", "44b52d02c7e14af7": "1.0000000000000001e+23", "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000", "444b1ae4d6e2ef50": "1e+21", "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001", "41b3de4355555553": "333333333.3333332", "41b3de4355555554": "333333333.33333325",
    "41b3de4355555555": "333333333.3333333", "41b3de4355555556": "333333333.3333334", "41b3de4355555557": "333333333.33333343",
    "becbf647612f3696": "-0.0000033333333333333333", "43143ff3c1cb0959": "1424953923781206.2",
}  # fmt: skip
#: RFC 8785 §3.2.2 and §3.2.3: a text and its form.
TEXTS = {
    """{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\"\\/",
      "literals": [null, true, false]
    }""": ('{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'),
    '{"\\u20ac":1,"\\r":2,"\\ufb33":3,"1":4,"\\ud83d\\ude00":5,"\\u0080":6,"\\u00f6":7}': (
        '{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\U0001f600":5,"\ufb33":3}'
    ),
}
#: The largest integer that every reader keeps (RFC 7493 §2.2); `rfc8785` refuses larger ones.
LARGEST = 2**53 - 1


def digest(form):
    """The digest of a canonical form."""
    return f"sha256:{hashlib.sha256(form).hexdigest()}"


def digests(*arguments, stdin):
    """What the command prints, line by line."""
    done = command("causeway", "approvals", "digest", *arguments, stdin=stdin)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode().splitlines()


@pytest.mark.parametrize(("text", "form"), TEXTS.items(), ids=["values", "members"])
def test_the_examples_of_the_rfc(text, form):
    assert rfc8785.dumps(json.loads(text)) == form.encode(), "the example is copied wrongly"
    assert digests(stdin=text.encode()) == [digest(form.encode())]


def test_the_numbers_of_the_rfc():
    values = [struct.unpack(">d", bytes.fromhex(bits))[0] for bits in NUMBERS]
    lines = "".join(f"{value!r}\n" for value in values)
    assert digests("--lines", stdin=lines.encode()) == [digest(form.encode()) for form in NUMBERS.values()]


def random_number(chance):
    kind = chance.random()
    if kind < 0.3:
        return chance.randint(-LARGEST, LARGEST)
    if kind < 0.5:
        return chance.randint(-(10**6), 10**6) / 10 ** chance.randint(0, 12)
    if kind < 0.6:
        return chance.choice([0.0, -0.0, 5e-324, 1.7976931348623157e308, 1e20, 1e21, 1e-6, 1e-7, 2.2250738585072014e-308])
    value = struct.unpack(">d", chance.randbytes(8))[0]
    return value if math.isfinite(value) else 0.5


def random_text(chance):
    ranges = [(0, 0x1F), (0x20, 0x7F), (0x80, 0xD7FF), (0xE000, 0xFFFF), (0x10000, 0x10FFFF)]
    return "".join(chance.choice(['"', "\\", "/", "\u2028", chr(chance.randint(*chance.choice(ranges)))]) for _ in range(chance.randint(0, 6)))


def random_value(chance, depth=4):
    kind = chance.random()
    if depth and kind < 0.2:
        return [random_value(chance, depth - 1) for _ in range(chance.randint(0, 5))]
    if depth and kind < 0.5:
        return {random_text(chance): random_value(chance, depth - 1) for _ in range(chance.randint(0, 6))}
    return chance.choice([lambda: random_number(chance), lambda: random_text(chance), lambda: chance.choice([True, False, None])])()


def test_random_values_have_the_digests_of_another_implementation(chance):
    values = [random_value(chance) for _ in range(size(10_000, 200_000))]
    # Spelled in different ways; always on one line.
    spelled = [
        json.dumps(value, ensure_ascii=chance.random() < 0.5, separators=chance.choice([(",", ":"), (" , ", "\t: ")])).encode() for value in values
    ]
    found = digests("--lines", stdin=b"\n".join(spelled) + b"\n")
    assert len(found) == len(values)
    differing = [text for text, value, own in zip(spelled, values, found, strict=True) if own != digest(rfc8785.dumps(value))]
    assert not differing, f"{len(differing)} values, for example {differing[0][:500]!r}"
