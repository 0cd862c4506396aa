"""The canonical form of actions, compared with PyPI's `rfc8785`, which was written by others."""

import math
import random
import struct

import pytest
import rfc8785

from causeway import action_digest, canonical


def numbers(chance):
    yield from (0.0, -0.0, 5e-324, 1.7976931348623157e308, 1e20, 1e21, 123456789012345680000.0, 1e-6, 1e-7, 0.1, 1.5, 100.0, -2.5e-7)
    for _ in range(5_000):
        value = struct.unpack(">d", chance.randbytes(8))[0]
        if math.isfinite(value):
            yield value
        yield chance.randint(-(10**9), 10**9) / 10 ** chance.randint(0, 14)
        yield chance.randint(-(2**53) + 1, 2**53 - 1)


def test_numbers_have_the_form_of_another_implementation():
    differing = [value for value in numbers(random.Random(8785)) if canonical(value) != rfc8785.dumps(value)]
    assert not differing


@pytest.mark.parametrize(
    "value",
    [
        {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\u0080": 6, "\u00f6": 7},
        {"numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 1e-27], "string": "\u20ac$\u000f\nA'B\"\\\\\"/", "literals": [None, True, False]},
        ["\x00\x1f\x7f\u2028\u2029", "\b\f\n\r\t", (), {}, {"a": {"b": []}}],
        {"tool": "scale", "service": "checkout", "replicas": 8},
    ],
)  # fmt: skip
def test_values_have_the_form_of_another_implementation(value):
    assert canonical(value) == rfc8785.dumps(value)


def test_spellings_of_one_action_have_one_digest():
    assert action_digest({"a": 1, "b": 2.0}) == action_digest({"b": 2, "a": 1.0})
    # From `printf '{"a":1}' | sha256sum`.
    assert action_digest({"a": 1}) == "sha256:015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**53, -(2**53), "\ud800", {1: 2}, {"a": object()}, b"bytes", {1, 2}])
def test_what_has_no_form_is_refused(value):
    with pytest.raises(ValueError):
        canonical([value])
