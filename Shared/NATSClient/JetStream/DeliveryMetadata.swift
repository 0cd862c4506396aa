/// Metadata of a message that a consumer delivered, parsed from its reply subject.
///
/// The subject is `$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>`; since nats-server 2.? also
/// `$JS.ACK.<domain>.<account>.<stream>.<consumer>.….<pending>.<random>`.
public struct DeliveryMetadata: Hashable, Sendable {
    /// The message's sequence in the stream.
    public let streamSequence: UInt64
    /// The delivery's sequence in the consumer: from 1, without a gap unless a delivery was lost.
    public let consumerSequence: UInt64
    /// Number of deliveries of this message, this one included.
    public let deliveryCount: UInt64
    /// When the server stored the message, in nanoseconds since 1970.
    public let timestamp: UInt64
    /// Number of messages left to deliver after this one.
    public let pending: UInt64

    /// Creates metadata, for tests.
    public init(streamSequence: UInt64, consumerSequence: UInt64, deliveryCount: UInt64 = 1, timestamp: UInt64, pending: UInt64) {
        self.streamSequence = streamSequence
        self.consumerSequence = consumerSequence
        self.deliveryCount = deliveryCount
        self.timestamp = timestamp
        self.pending = pending
    }

    /// Parses a reply subject; nil if it is not a JetStream one.
    public init?(reply: some StringProtocol) {
        var reply = String(reply)
        guard let metadata = reply.withUTF8({ DeliveryMetadata(reply: UnsafeRawBufferPointer($0)) }) else { return nil }
        self = metadata
    }

    /// Parses a reply subject without a copy; nil if it is not a JetStream one.
    public init?(reply: UnsafeRawBufferPointer) {
        guard reply.starts(with: "$JS.ACK.".utf8) else { return nil }
        let count = reply.count { $0 == UInt8(ascii: ".") } + 1
        // 9 tokens in the old format; 12 or more in the new one, which has two more in front.
        guard count == 9 || count >= 11 else { return nil }
        var tokens = TokenReader(rest: reply[...])
        for _ in 0..<(count == 9 ? 4 : 6) { tokens.skip() }
        guard
            let delivered = tokens.number(), let streamSequence = tokens.number(), let consumerSequence = tokens.number(),
            let timestamp = tokens.number(), let pending = tokens.number(),
            // No stream reaches this value; below it, sequence arithmetic cannot overflow.
            max(streamSequence, consumerSequence) < UInt64(Int64.max)
        else { return nil }
        self.init(
            streamSequence: streamSequence,
            consumerSequence: consumerSequence,
            deliveryCount: delivered,
            timestamp: timestamp,
            pending: pending
        )
    }

    private struct TokenReader {
        var rest: Slice<UnsafeRawBufferPointer>

        mutating func skip() {
            while let byte = rest.popFirst(), byte != UInt8(ascii: ".") {}
        }

        mutating func number() -> UInt64? {
            var value: UInt64 = 0
            var hasDigit = false
            while let byte = rest.popFirst(), byte != UInt8(ascii: ".") {
                guard (0x30...0x39).contains(byte) else { return nil }
                let (product, overflow) = value.multipliedReportingOverflow(by: 10)
                let (sum, carry) = product.addingReportingOverflow(UInt64(byte - 0x30))
                guard !overflow, !carry else { return nil }
                value = sum
                hasDigit = true
            }
            return hasDigit ? value : nil
        }
    }
}

extension NATSDelivery {
    /// JetStream metadata of the message; nil if no consumer delivered it.
    public var metadata: DeliveryMetadata? { withReply { DeliveryMetadata(reply: $0) } }
}
