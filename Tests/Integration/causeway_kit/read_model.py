"""Damage to the file of approval-api's read model."""

#: The size of its pages, in bytes.
PAGE = 4096


def damage(file, text):
    """Overwrites every page that contains a text."""
    content = file.read_bytes()
    pages = {place for place in range(0, len(content), PAGE) if text in content[place : place + PAGE]}
    assert pages, f"{text} is not in the file"
    with file.open("r+b") as output:
        for place in pages:
            output.seek(place)
            output.write(b"\xff" * PAGE)
