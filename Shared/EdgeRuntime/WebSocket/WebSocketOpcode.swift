/// The kinds of frames. RFC 6455 §5.2.
enum WebSocketOpcode: UInt8, Sendable {
    case continuation = 0x0
    case text = 0x1
    case binary = 0x2
    case close = 0x8
    case ping = 0x9
    case pong = 0xA

    var isControl: Bool { self.rawValue & 0x8 != 0 }
}

/// Why a connection is closed, as the peer sees it. RFC 6455 §7.4.
public struct WebSocketCloseCode: RawRepresentable, Sendable, Hashable {
    /// The code on the wire.
    public let rawValue: UInt16

    /// A code from 1000 to 4999.
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// The purpose of the connection is fulfilled.
    public static let normal = Self(rawValue: 1000)
    /// The server shuts down.
    public static let goingAway = Self(rawValue: 1001)
    /// A frame breaks the protocol.
    public static let protocolError = Self(rawValue: 1002)
    /// A message of a type that the surface does not accept.
    public static let unacceptableData = Self(rawValue: 1003)
    /// A text message is not UTF-8.
    public static let invalidPayload = Self(rawValue: 1007)
    /// A rule of the surface is broken.
    public static let policyViolation = Self(rawValue: 1008)
    /// A message exceeds the size limit.
    public static let messageTooBig = Self(rawValue: 1009)
    /// The server cannot serve the connection now.
    public static let internalError = Self(rawValue: 1011)
    /// The token is missing, not valid, or has expired. The workspace stream's own; contract §5.
    public static let unauthorized = Self(rawValue: 4401)
    /// The workspace is missing or not the token's. The workspace stream's own; contract §5.
    public static let wrongWorkspace = Self(rawValue: 4003)

    /// Whether a peer may send it: those that stand for "no code" and the unassigned may not be on the wire.
    public var isAllowedOnTheWire: Bool {
        switch self.rawValue {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}
