/// The rules of a WebSocket surface for its clients. A class, so that all connections of a surface share one object.
public final class WebSocketRules: Sendable {
    /// The longest message, in bytes, after inflation too. Contract §5: 64 KiB.
    public let maxMessageBytes: Int
    /// The most data messages and pings in any minute; beyond it the connection is closed with 1008.
    public let maxMessagesPerMinute: UInt32
    /// The most frames in a second, complete messages or not, averaged over 10 s; at least 1. Beyond it the connection is closed with 1008.
    public let maxFramesPerSecond: UInt32
    /// How long a client may send nothing at all before it is closed with 1008; nil for no limit.
    public let silenceLimit: Duration?
    /// Whether permessage-deflate was negotiated (RFC 7692).
    public let allowsCompression: Bool

    /// Creates rules; see the properties.
    public init(
        maxMessageBytes: Int = 64 * 1024,
        maxMessagesPerMinute: UInt32 = 600,
        maxFramesPerSecond: UInt32 = 1000,
        silenceLimit: Duration? = nil,
        allowsCompression: Bool = false
    ) {
        self.maxMessageBytes = maxMessageBytes
        self.maxMessagesPerMinute = maxMessagesPerMinute
        self.maxFramesPerSecond = maxFramesPerSecond
        self.silenceLimit = silenceLimit
        self.allowsCompression = allowsCompression
    }

    /// Returns these rules for connections with which permessage-deflate was negotiated. Call it once, for all of them.
    public func allowingCompression() -> WebSocketRules {
        WebSocketRules(
            maxMessageBytes: self.maxMessageBytes,
            maxMessagesPerMinute: self.maxMessagesPerMinute,
            maxFramesPerSecond: self.maxFramesPerSecond,
            silenceLimit: self.silenceLimit,
            allowsCompression: true
        )
    }
}
