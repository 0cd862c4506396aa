import Testing

@testable import LoadKit

@Suite struct DeliveryScannerTests {
    /// Returns all ticks that are found when `bytes` arrive in pieces that end at `cuts`.
    private func ticks(in bytes: [UInt8], cuts: [Int] = []) -> [Tick] {
        var scanner = DeliveryScanner()
        var found: [Tick] = []
        var start = 0
        for end in cuts + [bytes.count] {
            bytes[start..<end].withUnsafeBytes { piece in
                var rest = piece
                while let tick = scanner.next(in: &rest) { found.append(tick) }
            }
            start = end
        }
        return found
    }

    private let stream: [UInt8] = {
        let surface = NotificationSurface()
        let payload = TickPayload(size: 96)
        let first = surface.delivery(of: payload.bytes(Tick(counter: 1, sent: 123_456_789_012)))
        let ping = Array("id: evt_01HX9VTPQR3KF8MZWBYD5N6JCE\nevent: ping\ndata: {}\n\n".utf8)
        return first + ping + surface.delivery(of: payload.bytes(Tick(counter: 20, sent: 5)))
    }()

    private let expected = [Tick(counter: 1, sent: 123_456_789_012), Tick(counter: 20, sent: 5)]

    @Test func findsWhatTwoReadsCutAnywhere() {
        for cut in 0...stream.count { #expect(ticks(in: stream, cuts: [cut]) == expected, "cut at \(cut)") }
    }

    @Test func findsWhatComesByteByByte() {
        #expect(ticks(in: stream, cuts: Array(1..<stream.count)) == expected)
    }

    @Test(arguments: [
        "data: {\"n\":7}\n\n", "{\"n\":7,\"sen\":1,", "{\"n\":,\"sent\":x", "{\"m\":1,\"sent\":2}", "\"\"\"\"n\"",
        "event: ping\ndata: {}\n\n",
    ])
    func passesOverWhatIsNoEventOfTheLoad(text: String) {
        let wanted = "{\"n\":3,\"sent\":4,"
        #expect(ticks(in: Array((text + wanted).utf8)).last == Tick(counter: 3, sent: 4))
        #expect(ticks(in: Array((text + "\n" + wanted + wanted).utf8)).suffix(2) == [Tick(counter: 3, sent: 4), Tick(counter: 3, sent: 4)])
    }

    @Test func findsANameThatBeginsInsideABrokenOne() {
        #expect(ticks(in: Array("\"n\"n\":3,\"sent\":4,".utf8)) == [Tick(counter: 3, sent: 4)])
    }

    @Test func countsWhatIsOutOfPlace() {
        func misplaced(_ counters: [UInt64]) -> Int {
            var connection = Connection(descriptor: -1, lastCounter: 0)
            var tally = Tally()
            for counter in counters {
                TickPayload(size: 96).bytes(Tick(counter: counter, sent: 1)).withUnsafeBytes { connection.received($0, at: 2, in: &tally) }
            }
            #expect(tally.deliveries == counters.count)
            return tally.misplaced
        }
        #expect(misplaced([1, 2, 3]) == 0)
        #expect(misplaced([2, 3]) == 1)
        #expect(misplaced([1, 3]) == 1)
        #expect(misplaced([1, 1, 2]) == 1)
        #expect(misplaced([1, 3, 2]) == 2)
    }
}
