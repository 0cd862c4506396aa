import FoundationEssentials

/// JetStream's acknowledgement that a message is stored.
public struct PublishAck: Hashable, Sendable {
    /// The stream that stored it.
    public let stream: String
    /// Its sequence in the stream; for a duplicate, the sequence of the original.
    public let sequence: UInt64
    /// Whether the message is a duplicate within the stream's duplicate window, and so was not stored again.
    public let isDuplicate: Bool

    /// Creates an acknowledgement, for tests.
    public init(stream: String, sequence: UInt64, isDuplicate: Bool = false) {
        self.stream = stream
        self.sequence = sequence
        self.isDuplicate = isDuplicate
    }

    /// Parses the answer to a publish.
    init(response: UnsafeRawBufferPointer) throws(JetStreamError) {
        if let ack = PublishAck(usual: response) {
            self = ack
            return
        }
        let body: Response
        do {
            body = try JSONDecoder().decode(Response.self, from: Data(response))
        } catch {
            throw JetStreamError(.invalidResponse, "The answer to a publish is not an acknowledgement. Does a stream take the subject?")
        }
        if let error = body.error { throw JetStreamError(error) }
        guard let stream = body.stream, let sequence = body.seq else {
            throw JetStreamError(.invalidResponse, "The answer to a publish is not an acknowledgement. Does a stream take the subject?")
        }
        self.init(stream: stream, sequence: sequence, isDuplicate: body.duplicate ?? false)
    }

    private struct Response: Decodable {
        let error: APIErrorBody?
        let stream: String?
        let seq: UInt64?
        let duplicate: Bool?
    }

    /// Fast path: parses nats-server's two usual answers byte by byte: `{"stream":"EVENTS", "seq":7}` and
    /// `{"stream":"EVENTS", "seq":7,"duplicate": true}`. Nil for any other answer, which may be valid.
    private init?(usual response: UnsafeRawBufferPointer) {
        var rest = response[...]
        guard rest.skip(#"{"stream":""#), let end = rest.firstIndex(of: UInt8(ascii: "\"")) else { return nil }
        let name = rest[..<end]
        guard !name.contains(UInt8(ascii: "\\")) else { return nil }
        rest = rest[(end + 1)...]
        guard rest.skip(#", "seq":"#) || rest.skip(#","seq":"#) else { return nil }
        var sequence: UInt64 = 0
        while let digit = rest.first, (0x30...0x39).contains(digit) {
            let (product, overflow) = sequence.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(digit - 0x30))
            guard !overflow, !carry else { return nil }
            sequence = sum
            rest = rest.dropFirst()
        }
        let isDuplicate = rest.skip(#","duplicate": true"#) || rest.skip(#","duplicate":true"#)
        guard sequence > 0, rest.elementsEqual("}".utf8) else { return nil }
        self.init(stream: String(decoding: name, as: UTF8.self), sequence: sequence, isDuplicate: isDuplicate)
    }
}

extension Slice<UnsafeRawBufferPointer> {
    /// Removes a prefix; false, and unchanged, if absent.
    fileprivate mutating func skip(_ prefix: StaticString) -> Bool {
        let bytes = UnsafeRawBufferPointer(start: prefix.utf8Start, count: prefix.utf8CodeUnitCount)
        guard starts(with: bytes) else { return false }
        self = dropFirst(bytes.count)
        return true
    }
}
