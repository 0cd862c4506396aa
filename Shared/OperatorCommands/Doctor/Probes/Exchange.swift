import Basics
import CausewayProducer
import EventModel
import HTTPTypes
import NIOCore

/// One HTTP/1.1 request on a new connection, up to the head of its response; ``next(until:)`` reads the body.
final class Exchange {
    /// Time limit for a response's head.
    static let patience: TimeAmount = .seconds(10)
    /// Bytes kept of a body that is not a stream.
    private static let maximumBodyBytes = 4096

    /// The outcome of the request.
    let attempt: Attempt
    /// When the head was complete.
    let headAt: NIODeadline
    private let wire: Wire?
    private var reader: HTTPReader
    /// The part of the body that arrived with the head.
    private var firstBytes: [UInt8]

    private init(_ attempt: Attempt, wire: Wire? = nil, reader: HTTPReader = HTTPReader(), firstBytes: [UInt8] = []) {
        self.attempt = attempt
        headAt = .now()
        self.wire = wire
        self.reader = reader
        self.firstBytes = firstBytes
    }

    /// Sends a request and waits for the head of the response.
    ///
    /// - Throws: `CancellationError`; other failures are in ``attempt``.
    static func begin(_ request: ProbeRequest, over dialer: Dialer) async throws -> Exchange {
        let wire: Wire
        do {
            wire = try await dialer.connect()
        } catch let failure as DialFailure {
            return Exchange(.failed(failure))
        }
        let start = NIODeadline.now()
        wire.send(request.bytes(to: dialer.target))
        var reader = HTTPReader()
        while true {
            switch try await wire.next(until: start + patience) {
            case .nothing:
                wire.close()
                return Exchange(.silent(for: Duration(patience)))
            case .closed(_, let at): return Exchange(.closed(after: Duration(at - start)))
            case .bytes(let bytes, let at):
                let body: [UInt8]
                do throws(HTTPReader.NotHTTP) {
                    body = try reader.take(bytes)
                } catch {
                    wire.close()
                    return Exchange(.notHTTP)
                }
                guard reader.hasHead else { continue }
                var answer = Answer(status: reader.status, fields: reader.fields, took: Duration(at - start))
                answer.clockLead = reader.fields[.date].flatMap(HTTPDate.init).map { $0.lead(over: .now) }
                return Exchange(.answered(answer), wire: wire, reader: reader, firstBytes: body)
            }
        }
    }

    /// Reads the next part of the body.
    ///
    /// - Throws: `CancellationError`.
    func next(until deadline: NIODeadline) async throws -> Wire.Arrival {
        guard let wire else { return .closed(abrupt: false, at: .now()) }
        if !firstBytes.isEmpty {
            defer { firstBytes = [] }
            return .bytes(firstBytes, at: headAt)
        }
        while !reader.isComplete {
            let arrival = try await wire.next(until: deadline)
            guard case .bytes(let bytes, let at) = arrival else { return arrival }
            do throws(HTTPReader.NotHTTP) {
                let body = try reader.take(bytes)
                if !body.isEmpty { return .bytes(body, at: at) }
            } catch {
                return .closed(abrupt: true, at: at)
            }
        }
        return .closed(abrupt: false, at: .now())
    }

    /// Returns the attempt with the beginning of its body, for a response that is not a stream.
    func withBody() async throws -> Attempt {
        guard case .answered(var answer) = attempt else { return attempt }
        let deadline = NIODeadline.now() + .seconds(2)
        while answer.body.count < Self.maximumBodyBytes, case .bytes(let bytes, _) = try await next(until: deadline) {
            answer.body += bytes.prefix(Self.maximumBodyBytes - answer.body.count)
        }
        return .answered(answer)
    }

    /// Sends further bytes, for WebSockets.
    func send(_ bytes: [UInt8]) { wire?.send(bytes) }

    /// Closes the connection.
    func close() { wire?.close() }
}

/// A probe's request.
struct ProbeRequest: Sendable {
    var method = "GET"
    /// The path below the target's prefix.
    var path: String
    /// Percent-encoded where needed.
    var query: [(name: String, value: String)] = []
    var fields: HTTPFields = [:]

    func bytes(to target: Target) -> [UInt8] {
        let query =
            query.isEmpty
            ? ""
            : "?"
                + query.map { "\($0.name)=\(PercentEncoding.encode($0.value, isPlain: PercentEncoding.isUnreserved))" }.joined(
                    separator: "&"
                )
        var head = "\(method) \(target.prefix)\(path)\(query) HTTP/1.1\r\nHost: \(target.authority)\r\n"
        for field in fields { head += "\(field.name.rawName): \(field.value)\r\n" }
        return Array("\(head)\r\n".utf8)
    }
}

extension Duration {
    init(_ amount: TimeAmount) { self = .nanoseconds(amount.nanoseconds) }
}

extension TimeAmount {
    init(_ duration: Duration) {
        self = .nanoseconds(duration.nanoseconds)
    }
}
