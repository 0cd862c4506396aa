"""The parser of event streams: the HTML standard's rules, for bytes that end anywhere."""

import pytest

from causeway import UnexpectedAnswer
from causeway._sse import Block, EventStreamParser

STREAM = "\ufeff: a comment\nretry: 2180\nid: evt_1\n\nid\ndata: caf\u00e9\r\ndata:  two\r\r"
STREAM += "event: a.b\ndata\n\nnonsense: 1\nretry: 1x\nid: a\0b\n\n:\n\ndata: z\n\n"
BLOCKS = [Block(id="evt_1", retry=2180), Block(id="", data="caf\u00e9\n two"), Block(type="a.b", data=""), Block(data="z")]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_blocks_do_not_depend_on_where_pieces_end(size):
    parser, bytes = EventStreamParser(), STREAM.encode()
    assert [block for at in range(0, len(bytes), size) for block in parser.feed(bytes[at : at + size])] == BLOCKS


def test_a_large_event_costs_what_its_bytes_cost():
    parser = EventStreamParser()
    assert parser.feed(b"data: ") == []
    for _ in range(2_000):
        assert parser.feed(b"x" * 1_000) == []
    assert [len(block.data) for block in parser.feed(b"\n\n")] == [2_000_000]


def test_a_line_that_does_not_end_is_an_error():
    parser = EventStreamParser()
    with pytest.raises(UnexpectedAnswer, match="does not end"):
        for _ in range(10):
            parser.feed(b"x" * 1_000_000)
