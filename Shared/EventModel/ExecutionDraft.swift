public import Basics

/// An event of an execution as a producer sends it, checked, but not numbered yet (contract §9, §10).
public struct ExecutionDraft: Sendable, Hashable {
    /// What happened: a type of ``ExecutionCatalogue``, or another word.
    public let type: EventType
    /// What there is to say about it; reaches the viewers as it is, members called `type` and `timestamp` included.
    public let payload: Payload
    /// The execution that the producer names; nil for the current one.
    public let run: ExecutionRun?
    /// The producer's id, by which duplicates are detected.
    public let id: EventID?
    /// When it happened.
    public let time: Timestamp?
    /// The tenant, when the producer named one.
    public let tenant: Tenant?
    /// The W3C trace context it belongs to.
    public var trace: TraceParent?

    /// Checks everything that a producer can get wrong. Field names in errors are those of ``ExecutionIntake``.
    ///
    /// - Parameter payload: validated with ``Payload/init(validating:field:allowsStreamMembers:)``.
    public init(
        kind: ExecutionReference.Kind,
        type: String,
        payload: Payload,
        run: ExecutionRun? = nil,
        id: EventID? = nil,
        time: Timestamp? = nil,
        tenant: Tenant? = nil
    ) throws(ValidationError) {
        self.type = try ExecutionCatalogue.type(type, of: kind)
        try ExecutionCatalogue.validate(type: self.type, payload: payload)
        self.payload = payload
        self.run = run
        self.id = id
        self.time = time
        self.tenant = tenant
    }

    /// Whether it ends its execution.
    public var isFinal: Bool { ExecutionCatalogue.isFinal(type) }
}
