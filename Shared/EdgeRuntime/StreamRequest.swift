public import AccessControl
public import Basics
public import EventLog
public import EventModel

/// What a handshake has established about a stream.
public struct StreamRequest: Sendable {
    /// Where a stream begins, as far as the handshake tells.
    public enum Start: Sendable {
        /// With the next event.
        case live
        /// Behind the cursor that the client brought; behind nothing if that is empty, so with the oldest event kept. Contract §3.
        case cursor(String)
        /// At a place that has been found out already.
        case place(StreamPlace)

        /// Behind `cursor`, or live without one.
        public init(cursor: String?) { self = cursor.map { .cursor($0) } ?? .live }
    }

    /// Whose events, and which user sees them.
    public var principal: Principal
    /// What is read; of the principal's tenant.
    public var source: LogSource
    /// The types asked for; `nil` for all.
    public var filter: TypeFilter?
    /// Where it begins.
    public var start: Start
    /// How events are written to it.
    public var encoder: any StreamEncoder
    /// When the server ends it.
    public var end: EndPolicy
    /// What is made of what the client sends.
    public var inbound: Inbound
    /// The head of the response, ready to be sent.
    public var head: [UInt8]
    /// The id of the HTTP request.
    public var requestID: String
    /// The trace that the HTTP request belongs to, if any.
    public var trace: TraceParent?

    /// - Parameter source: what is read; nil for the events of the principal's tenant.
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
    /// What it is told.
    public var ending: Ending
    /// Who asked, as far as that is known; for the log line.
    public var user: UserID?
    /// Encodes the ending.
    public var encoder: any StreamEncoder
    /// Handles what the client sends.
    public var inbound: Inbound
    /// The head of the response, ready to be sent.
    public var head: [UInt8]
    /// The id of the HTTP request.
    public var requestID: String
    /// The trace of the HTTP request, if any.
    public var trace: TraceParent?

    /// A refusal from its parts.
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

    /// Refused connections are given no event of anybody's; this stands where a tenant has to be named.
    static let tenant: Tenant = {
        guard let tenant = try? Tenant("-") else { preconditionFailure("a constant that is a tenant's name") }
        return tenant
    }()
}
