import Testing

@testable import LoadKit

@Suite struct ProtocolTests {
    private let rule = OpeningRule(acceptedStatus: 200, marker: NotificationSurface().openedMarker)

    @Test func aStreamStandsWithItsFirstBlock() {
        let greeting = NotificationSurface().greeting
        let marker = "\nid: evt_"
        for count in 0...greeting.count {
            let begun = String(decoding: greeting.prefix(count), as: UTF8.self)
            let rest = begun.split(separator: marker, maxSplits: 1, omittingEmptySubsequences: false).dropFirst().first
            #expect(rule.verdict(Array(greeting.prefix(count))) == (rest.map { .opened(rest: $0.utf8.count) } ?? .incomplete))
        }
    }

    @Test func aRefusalIsItsStatusLine() {
        #expect(rule.verdict(Array("HTTP/1.1 401 Unauthorized\r\ncontent-".utf8)) == .refused("HTTP/1.1 401 Unauthorized"))
        #expect(rule.verdict(Array("HTTP/1.1 2".utf8)) == .incomplete)
    }

    @Test func aHeadWithoutEndIsRefused() {
        let head = Array("HTTP/1.1 200 OK\r\n".utf8) + Array(repeating: UInt8(ascii: "a"), count: OpeningRule.maximumBytes)
        guard case .refused = rule.verdict(head) else {
            Issue.record("a head of \(head.count) bytes was waited for")
            return
        }
    }

    @Test func messagesOfTheBusAreFoundWhereverTheyAreCut() throws {
        let wire = Array(
            "INFO {\"a\":1}\r\nPING\r\nMSG _INBOX.x 1 5\r\nab\r\nc\r\nHMSG _INBOX.x 1 12 14\r\nNATS/1.0\r\n\r\nhi\r\n-ERR 'no'\r\n+OK\r\n"
                .utf8
        )
        let expected: [NATSReader.Inbound] = [
            .info, .ping, .message(Array("ab\r\nc".utf8)), .message(Array("NATS/1.0\r\n\r\nhi".utf8)), .error("'no'"), .ok,
        ]
        for cut in 0...wire.count {
            var reader = NATSReader()
            var found: [NATSReader.Inbound] = []
            for piece in [wire[..<cut], wire[cut...]] {
                reader.append(piece)
                while let inbound = try reader.next() { found.append(inbound) }
            }
            #expect(found == expected, "cut at \(cut)")
        }
    }

    @Test(arguments: ["HTTP/1.1 400 Bad Request\r\n", "MSG _INBOX.x 1 -4\r\n", "MSG _INBOX.x 1 99999999\r\n"])
    func whatIsNoBusIsSaidSo(text: String) {
        var reader = NATSReader()
        reader.append(Array(text.utf8))
        #expect(throws: LoadError.self) { try reader.next() }
    }

    @Test func payloadsAreAsLongAsAsked() {
        for tick in [Tick(counter: 1, sent: 1), Tick(counter: .max, sent: .max)] {
            for size in [TickPayload.minimumBytes, 200, 5000] {
                for kind in [TickPayload.Kind.tick, .progress] {
                    #expect(TickPayload(size: size, kind: kind).bytes(tick).count == size)
                }
            }
        }
    }
}
