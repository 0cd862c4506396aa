public import Basics

/// A validated event of an execution from a producer, without a number yet (contract §9, §10).
public struct ExecutionDraft: Sendable, Hashable {
    /// The event type: one of ``ExecutionCatalogue``, or another word.
    public let type: EventType
    /// The data of the event; delivered unchanged, including members called `type` and `timestamp`.
    public let payload: Payload
    /// The execution that the producer named; nil for the current one.
    public let run: ExecutionRun?
    /// The producer's id, by which duplicates are detected.
    public let id: EventID?
    /// The time of the event.
    public let time: Timestamp?
    /// The tenant that the producer named.
    public let tenant: Tenant?
    /// The W3C trace context it belongs to.
    public var trace: TraceParent?

    /// Validates the event. Field names in errors are those of ``ExecutionIntake``.
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
