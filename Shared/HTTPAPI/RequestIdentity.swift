package import AccessControl
public import Basics
public import EventModel
public import HTTPTypes
package import Logging

/// The id and trace of a request, shared by its log lines, response and stored events (contract §1).
public struct RequestIdentity: Sendable {
    /// Maximum length of a client's id, in characters.
    static let maximumLength = 128

    /// The `X-Request-Id`.
    public let requestID: String
    /// The trace of `traceparent`; nil without one.
    public let trace: TraceParent?

    /// Creates an identity.
    public init(requestID: String, trace: TraceParent?) {
        self.requestID = requestID
        self.trace = trace
    }

    /// Reads the identity from a request's header fields; generates a missing id.
    public init(of fields: HTTPFields) {
        self.init(requestID: Self.id(in: fields), trace: Self.trace(in: fields))
    }

    /// Returns the client's id if it is safe for logs and headers, or a generated one.
    static func id(in fields: HTTPFields, now: WallClock = SystemClock.now) -> String {
        accepted(fields[values: .requestID]) ?? makeID(now: now)
    }

    /// Returns the trace. A malformed or repeated header is ignored (W3C Trace Context §3.2).
    static func trace(in fields: HTTPFields) -> TraceParent? {
        let values = fields[values: .traceParent]
        return values.count == 1 ? TraceParent(values[0]) : nil
    }

    /// Generates an id.
    /// - Parameter now: milliseconds since 1970 UTC.
    public static func makeID(now: WallClock = SystemClock.now) -> String {
        "req_" + ULID.generate(time: Timestamp(millisecondsSinceEpoch: now()))
    }

    private static func accepted(_ ids: [String]) -> String? {
        guard ids.count == 1, let id = ids.first, (1...maximumLength).contains(id.utf8.count) else { return nil }
        return id.utf8.allSatisfy(isSane) ? id : nil
    }

    private static func isSane(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"): true
        default: false
        }
    }
}

extension Logger {
    /// Returns a logger whose lines have a request's id and trace, and the tenant and user of its sender if known.
    package func ofRequest(_ identity: RequestIdentity, from principal: Principal? = nil) -> Logger {
        var logger = self
        logger[metadataKey: LogKey.requestID] = "\(identity.requestID)"
        if let trace = identity.trace { logger[metadataKey: LogKey.traceID] = "\(trace.traceID)" }
        if let principal {
            logger[metadataKey: LogKey.tenant] = "\(principal.tenant)"
            logger[metadataKey: LogKey.user] = "\(principal.user)"
        }
        return logger
    }
}

extension APIRequestContext {
    /// The request's id and trace.
    public var identity: RequestIdentity { RequestIdentity(requestID: requestID, trace: trace) }
}
