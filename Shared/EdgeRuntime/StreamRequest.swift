public import AccessControl
public import Basics
public import EventLog
public import EventModel

/// A stream as requested by a handshake.
public struct StreamRequest: Sendable {
    /// The start of a stream, as the handshake states it.
    public enum Start: Sendable {
        /// With the next event.
        case live
        /// After the client's cursor; an empty one means the oldest event kept. Contract §3.
        case cursor(String)
        /// At a position that was resolved before.
        case place(StreamPlace)

        /// After `cursor`, or live without one.
        public init(cursor: String?) { self = cursor.map { .cursor($0) } ?? .live }
    }

    /// The tenant whose events are read, and the user who reads them.
    public var principal: Principal
    /// The source to read; of the principal's tenant.
    public var source: LogSource
    /// The types requested; `nil` for all.
    public var filter: TypeFilter?
    /// The start of the stream.
    public var start: Start
    /// The encoder of the stream.
    public var encoder: any StreamEncoder
    /// When the server ends the stream.
    public var end: EndPolicy
    /// How input from the client is handled.
    public var inbound: Inbound
    /// The head of the response, encoded.
    public var head: [UInt8]
    /// The id of the HTTP request.
    public var requestID: String
    /// The trace of the HTTP request, if any.
    public var trace: TraceParent?

    /// - Parameter source: the source to read; nil for the events of the principal's tenant.
    public init(
        principal: Principal,
        source: LogSource? = nil,
        filter: TypeFilter? = nil,
        start: Start = .live,
        encoder: any StreamEncoder,
        end: EndPolicy = .never,
        inbound: Inbound = .ignored,
        head: [UInt8],
        requestID: String,
        trace: TraceParent? = nil
    ) {
        self.principal = principal
        self.source = source ?? .events(of: principal.tenant)
        self.filter = filter
        self.start = start
        self.encoder = encoder
        self.end = end
        self.inbound = inbound
        self.head = head
        self.requestID = requestID
        self.trace = trace
    }
}

/// A stream that is accepted only to be ended with a reason.
public struct StreamRefusal: Sendable {
    /// The ending sent to the client.
    public var ending: Ending
    /// The user of the request, if known; for the log line.
    public var user: UserID?
    /// Encodes the ending.
    public var encoder: any StreamEncoder
    /// How input from the client is handled.
    public var inbound: Inbound
    /// The head of the response, encoded.
    public var head: [UInt8]
    /// The id of the HTTP request.
    public var requestID: String
    /// The trace of the HTTP request, if any.
    public var trace: TraceParent?

    /// Creates a refusal from its parts.
    public init(
        ending: Ending,
        user: UserID? = nil,
        encoder: any StreamEncoder,
        inbound: Inbound,
        head: [UInt8],
        requestID: String,
        trace: TraceParent? = nil
    ) {
        self.ending = ending
        self.user = user
        self.encoder = encoder
        self.inbound = inbound
        self.head = head
        self.requestID = requestID
        self.trace = trace
    }

    /// A placeholder where a tenant has to be named: refused connections receive no events.
    static let tenant: Tenant = {
        guard let tenant = try? Tenant("-") else { preconditionFailure("a constant that is a tenant's name") }
        return tenant
    }()
}
