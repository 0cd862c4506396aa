import Basics
import CausewayProducer
import Crypto
import EventModel
import FoundationEssentials
import HTTPTypes
import NIOCore

/// Opens a WebSocket and watches it without sending messages. RFC 6455 §4.1.
struct WebSocketProbe: Sendable {
    let dialer: Dialer
    let request: ProbeRequest

    /// Watches for `duration`; if nil, until the first message or the end.
    ///
    /// - Throws: `CancellationError`.
    func look(for duration: Duration?) async throws -> WebSocketObservation {
        let key = Data((0..<16).map { _ in UInt8.random(in: .min ... .max) }).base64EncodedString()
        var request = request
        request.fields[.upgrade] = "websocket"
        request.fields[.connection] = "Upgrade"
        request.fields[.secWebSocketVersion] = "13"
        request.fields[.secWebSocketKey] = key
        let exchange = try await Exchange.begin(request, over: dialer)
        defer { exchange.close() }
        guard let answer = exchange.attempt.answer, answer.status == 101 else {
            return WebSocketObservation(attempt: try await exchange.withBody())
        }
        var seen = WebSocketObservation(attempt: exchange.attempt)
        seen.isProven = answer.fields[.secWebSocketAccept] == Self.proof(of: key)
        guard seen.isProven else { return seen }
        try await watch(exchange, until: exchange.headAt + TimeAmount(duration ?? StreamProbe.promptness), &seen, isBrief: duration == nil)
        return seen
    }

    private func watch(_ exchange: Exchange, until deadline: NIODeadline, _ seen: inout WebSocketObservation, isBrief: Bool) async throws {
        var reader = ServerFrameReader()
        var lastBytes = exchange.headAt
        while !(isBrief && seen.messages > 0) {
            switch try await exchange.next(until: deadline) {
            case .nothing: return
            case .closed(let isAbrupt, let at):
                seen.ending = .closed(silence: Duration(at - lastBytes), abrupt: isAbrupt)
                return
            case .bytes(let bytes, let at):
                lastBytes = at
                guard let frames = try? reader.take(bytes) else {
                    seen.ending = .closed(silence: .zero, abrupt: true)
                    return
                }
                for frame in frames { seen.note(frame) }
                if seen.close != nil { return }
            }
        }
    }

    /// Returns the expected `Sec-WebSocket-Accept` for a key (RFC 6455 §4.2.2).
    private static func proof(of key: String) -> String {
        Data(Insecure.SHA1.hash(data: Data("\(key)258EAFA5-E914-47DA-95CA-C5AB0DC85B11".utf8))).base64EncodedString()
    }
}

extension WebSocketObservation {
    fileprivate mutating func note(_ frame: ServerFrameReader.Frame) {
        switch frame {
        case .close(let code, let reason): close = Close(code: code, reason: reason)
        case .other: return
        case .text(let text):
            messages += 1
            // Only the first message carries the time of sending; an event's time is arbitrary.
            guard messages == 1, let time = ServerWords(String(decoding: text, as: UTF8.self))?.serverTime else { return }
            clockLead = .milliseconds(time.millisecondsSinceEpoch - Timestamp.now.millisecondsSinceEpoch)
        }
    }
}
