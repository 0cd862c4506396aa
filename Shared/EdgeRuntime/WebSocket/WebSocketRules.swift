import Basics

/// The rules of a WebSocket surface for its clients. A copy shares its memory until it is changed: ten thousand connections of a surface have one.
public struct WebSocketRules: Sendable {
    private struct Values: Sendable, Equatable {
        var maxMessageBytes = 64 * 1024
        var maxMessagesPerMinute: UInt32 = 600
        var maxFramesPerSecond: UInt32 = 1000
        var silenceLimit: Duration?
        var allowsCompression = false
    }

    private final class Storage: Sendable {
        let values: Values

        init(_ values: Values) { self.values = values }
    }

    private static let initial = Storage(Values())

    private var storage = Self.initial

    private var values: Values {
        get { self.storage.values }
        set { if newValue != self.storage.values { self.storage = Storage(newValue) } }
    }

    /// The longest message, in bytes, after inflation too. Contract §5: 64 KiB.
    public var maxMessageBytes: Int {
        get { self.values.maxMessageBytes }
        set { self.values.maxMessageBytes = newValue }
    }

    /// The most data messages and pings in any minute; beyond it the connection is closed with 1008.
    public var maxMessagesPerMinute: UInt32 {
        get { self.values.maxMessagesPerMinute }
        set { self.values.maxMessagesPerMinute = newValue }
    }

    /// The most frames in a second, complete messages or not, averaged over 10 s; at least 1. Beyond it the connection is closed with 1008.
    public var maxFramesPerSecond: UInt32 {
        get { self.values.maxFramesPerSecond }
        set { self.values.maxFramesPerSecond = newValue }
    }

    /// Whether permessage-deflate was negotiated (RFC 7692).
    public var allowsCompression: Bool {
        get { self.values.allowsCompression }
        set { self.values.allowsCompression = newValue }
    }

    /// How long a client may send nothing at all before it is closed with 1008; nil for no limit.
    public var silenceLimit: Duration? {
        get { self.values.silenceLimit }
        set { self.values.silenceLimit = newValue }
    }

    /// These rules, for connections with which permessage-deflate was negotiated. Make them once, for all of them.
    public var compressed: WebSocketRules {
        var rules = self
        rules.allowsCompression = true
        return rules
    }

    public init() {}
}
