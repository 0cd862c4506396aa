import Basics

/// The rules of a WebSocket surface for its clients. Every connection has a copy, so they take few bytes.
public struct WebSocketRules: Sendable {
    /// The longest message, in bytes, after inflation too. Contract §5: 64 KiB.
    public var maxMessageBytes: UInt32 = 64 * 1024
    /// The most data messages and pings in any minute; beyond it the connection is closed with 1008.
    public var maxMessagesPerMinute: UInt32 = 600
    /// The most frames in a second, complete messages or not, averaged over 10 s; beyond it the connection is closed with 1008.
    public var maxFramesPerSecond: UInt32 = 1000
    /// 0 for no limit.
    private var silenceMilliseconds: UInt32 = 0
    /// Whether permessage-deflate was negotiated (RFC 7692).
    public var allowsCompression = false

    /// How long a client may send nothing at all before it is closed with 1008, in whole milliseconds; `nil` for no limit.
    public var silenceLimit: Duration? {
        get { self.silenceMilliseconds == 0 ? nil : .milliseconds(self.silenceMilliseconds) }
        set { self.silenceMilliseconds = newValue.map { UInt32(clamping: max(1, $0.milliseconds)) } ?? 0 }
    }

    public init() {}
}
