"""Cursors as contract §3 defines them: `evt_` and a ULID of time (48 bits), epoch (16) and sequence (64)."""

from typing import NamedTuple

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class Cursor(NamedTuple):
    time: int
    epoch: int
    sequence: int

    @classmethod
    def parse(cls, text):
        prefix, digits = text[:4], text[4:]
        assert prefix == "evt_" and len(digits) == 26 and set(digits) <= set(_ALPHABET), f"not a cursor: {text!r}"
        value = 0
        for digit in digits:
            value = value << 5 | _ALPHABET.index(digit)
        assert value < 1 << 128, f"a cursor of more than 128 bits: {text!r}"
        return cls(value >> 80, value >> 64 & 0xFFFF, value & (1 << 64) - 1)

    @property
    def text(self):
        value = self.time << 80 | self.epoch << 64 | self.sequence
        return "evt_" + "".join(_ALPHABET[value >> shift & 31] for shift in range(125, -1, -5))
