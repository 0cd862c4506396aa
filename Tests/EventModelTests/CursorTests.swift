import Basics
import EventModel
import TestKit
import Testing

@Suite struct CursorTests {
    @Test func spellsTheLayoutOut() {
        // 48 bits of time, 16 of epoch, 64 of sequence, five bits a character from the top.
        let zero = Cursor(time: Timestamp(millisecondsSinceEpoch: 0), epoch: 0, sequence: 0)
        #expect(zero.text == "evt_00000000000000000000000000")
        let all = Cursor(time: Timestamp(millisecondsSinceEpoch: 0xFFFF_FFFF_FFFF), epoch: .max, sequence: .max)
        #expect(all.text == "evt_7ZZZZZZZZZZZZZZZZZZZZZZZZZ")
        let sequence = Cursor(time: Timestamp(millisecondsSinceEpoch: 0), epoch: 0, sequence: 33)
        #expect(sequence.text == "evt_00000000000000000000000011")
        let epoch = Cursor(time: Timestamp(millisecondsSinceEpoch: 0), epoch: 1, sequence: 0)
        #expect(epoch.text == "evt_0000000000000G000000000000")
    }

    @Test func timeIsAULIDs() throws {
        // The time part of a ULID from its specification: 01ARZ3NDEK is 1469922850259.
        let cursor = try #require(Cursor("evt_01ARZ3NDEKTSV4RRFFQ69G5FAV"))
        #expect(cursor.time.millisecondsSinceEpoch == 1_469_922_850_259)
        #expect(cursor.text == "evt_01ARZ3NDEKTSV4RRFFQ69G5FAV")
    }

    /// Above 2^63−1 arithmetic could overflow, and no log has such a sequence.
    @Test(arguments: [1 << 63, UInt64.max - 1, UInt64.max] as [UInt64])
    func refusesSequencesThatNoLogReaches(_ sequence: UInt64) {
        #expect(Cursor(Cursor(time: Timestamp(millisecondsSinceEpoch: 0), epoch: 1, sequence: sequence).text) == nil)
        #expect(Cursor(Cursor(time: Timestamp(millisecondsSinceEpoch: 0), epoch: 1, sequence: sequence >> 1).text) != nil)
    }

    @Test func roundTrips() throws {
        var generator = SplitMix64(seed: 3)
        for _ in 0..<2000 {
            let cursor = Cursor(
                time: Timestamp(millisecondsSinceEpoch: Int64.random(in: 0...0xFFFF_FFFF_FFFF, using: &generator)),
                epoch: UInt16.random(in: .min ... .max, using: &generator),
                sequence: UInt64.random(in: 0...(UInt64.max >> UInt64.random(in: 1...63, using: &generator)), using: &generator)
            )
            let text = cursor.text
            #expect(text.utf8.count == 30)
            let parsed = try #require(Cursor(text))
            #expect(parsed == cursor)
            #expect(parsed.time == cursor.time)
            #expect(parsed.text == text)
        }
    }

    @Test(arguments: [
        "", "evt_", "01HX9VTPQR3KF8MZWBYD5N6JCE", "evt_01HX9VTPQR3KF8MZWBYD5N6JC", "evt_01HX9VTPQR3KF8MZWBYD5N6JCEE",
        "EVT_01HX9VTPQR3KF8MZWBYD5N6JCE", "evt-01HX9VTPQR3KF8MZWBYD5N6JCE", "evt_81HX9VTPQR3KF8MZWBYD5N6JCE",
        "evt_01hx9vtpqr3kf8mzwbyd5n6jce", "evt_01HX9VTPQR3KF8MZWBYD5N6JCI", "evt_01HX9VTPQR3KF8MZWBYD5N6JCL",
        "evt_01HX9VTPQR3KF8MZWBYD5N6JCO", "evt_01HX9VTPQR3KF8MZWBYD5N6JCU", " evt_01HX9VTPQR3KF8MZWBYD5N6JCE",
        "evt_01HX9VTPQR3KF8MZWBYD5N6JCE\n", "evt_01HX9VTPQR3KF8MZWBYD5N6JC\u{E9}", "42",
    ])
    func refuses(_ text: String) {
        #expect(Cursor(text) == nil)
    }

    @Test func onlyThePlaceCounts() {
        let early = Cursor(time: Timestamp(millisecondsSinceEpoch: 1), epoch: 9, sequence: 5)
        let late = Cursor(time: Timestamp(millisecondsSinceEpoch: 2), epoch: 9, sequence: 5)
        #expect(early == late)
        #expect(Set([early, late]).count == 1)
        #expect(Cursor(time: late.time, epoch: 9, sequence: 4) < early)
        #expect(Cursor(time: early.time, epoch: 10, sequence: 0) > late)
    }

    @Test(arguments: [(-1, 0), (Int64.max, 0xFFFF_FFFF_FFFF)] as [(Int64, Int64)])
    func clampsTime(_ given: Int64, _ kept: Int64) {
        let cursor = Cursor(time: Timestamp(millisecondsSinceEpoch: given), epoch: 0, sequence: 0)
        #expect(cursor.time.millisecondsSinceEpoch == kept)
    }

    @Test func thePositionsBesideOneAreFound() {
        let time = Timestamp(millisecondsSinceEpoch: 1_711_981_930_000)
        let cursor = Cursor(time: time, epoch: 3, sequence: 5)
        #expect(cursor.previous.text == Cursor(time: time, epoch: 3, sequence: 4).text)
        #expect(cursor.next.text == Cursor(time: time, epoch: 3, sequence: 6).text)
        let beginning = Cursor(time: time, epoch: 3, sequence: 0)
        #expect(beginning.previous == beginning)
    }
}

@Suite struct ULIDTests {
    @Test func isRepeatable() {
        var first = SplitMix64(seed: 4)
        var second = SplitMix64(seed: 4)
        let time = Timestamp(millisecondsSinceEpoch: 1_469_922_850_259)
        let text = ULID.generate(time: time, using: &first)
        #expect(text == ULID.generate(time: time, using: &second))
        #expect(text != ULID.generate(time: time, using: &second))
        #expect(text.hasPrefix("01ARZ3NDEK"))
        #expect(CrockfordBase32.decode(text.utf8) != nil, "26 characters of the one alphabet")
    }

    @Test func sortsByTime() {
        var generator = SplitMix64(seed: 5)
        let texts = (0..<100).map { ULID.generate(time: Timestamp(millisecondsSinceEpoch: 1_700_000_000_000 + $0), using: &generator) }
        #expect(texts == texts.sorted())
        #expect(Set(texts).count == texts.count)
    }
}
