"""Names on the bus, as docs/producing.md gives them to producers."""


def token(text):
    """Any text as one token of a subject: `[A-Za-z0-9_-]` stand for themselves, other bytes of the UTF-8 are `=XX`.

    Bytes that are not UTF-8 may stand in it as `surrogateescape` makes them.
    """
    plain = set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
    return "".join(chr(byte) if byte in plain else f"={byte:02X}" for byte in text.encode("utf-8", "surrogateescape")) or "="


def event_subject(tenant, type):
    return f"events.{token(tenant)}.{type}"


def tenant_of(subject):
    """The tenant that a subject under `events.` names."""
    text, position, encoded = bytearray(), 0, subject.split(".")[1]
    while position < len(encoded):
        if encoded[position] == "=":
            text.append(int(encoded[position + 1 : position + 3], 16))
            position += 3
        else:
            text.append(ord(encoded[position]))
            position += 1
    return text.decode("utf-8", "surrogateescape")
