/// The rules of a WebSocket surface for its clients.
public struct WebSocketRules: Sendable {
    /// The longest message, in bytes, after inflation too. Contract §5: 64 KiB.
    public var maxMessageBytes = 64 * 1024
    /// The most data messages and pings in any minute; beyond it the connection is closed with 1008.
    public var maxMessagesPerMinute = 600
    /// The most frames in a second, complete messages or not, averaged over 10 s; beyond it the connection is closed with 1008.
    public var maxFramesPerSecond = 1000
    /// How long a client may send nothing at all before it is closed with 1008; `nil` for no limit.
    public var silenceLimit: Duration?
    /// Whether permessage-deflate was negotiated (RFC 7692).
    public var allowsCompression = false

    public init() {}
}
