public import Basics

/// The name of an agent or a workflow of one tenant (contract §9). Each time it runs is an execution.
public struct ExecutionReference: Sendable, Hashable, CustomStringConvertible {
    /// Agent or workflow; the raw value is the word in paths and subjects.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        case agents
        case workflows
    }

    /// The subject filter for all executions.
    public static let subjectFilter = "executions.>"

    /// The tenant it belongs to; no other tenant ever sees it.
    public let tenant: Tenant
    /// Whether it is an agent or a workflow.
    public let kind: Kind
    /// The agent's name or the workflow's id.
    public let name: ExecutionName
    /// The NATS subject of its events: `executions.<tenant>.<kind>.<name>`, tenant and name as ``SubjectToken``s.
    public let subject: String

    /// Creates a reference.
    public init(tenant: Tenant, kind: Kind, name: ExecutionName) {
        self.tenant = tenant
        self.kind = kind
        self.name = name
        subject = "executions.\(SubjectToken.encode(tenant)).\(kind.rawValue).\(SubjectToken.encode(name))"
    }

    /// Parses the subject of a message.
    public init(subject: String) throws(ValidationError) {
        let tokens = subject.split(separator: ".", omittingEmptySubsequences: false)
        guard tokens.count == 4, tokens[0] == "executions", let kind = Kind(rawValue: String(tokens[2])),
            let tenant = SubjectToken.decode(tokens[1]), let name = SubjectToken.decode(tokens[3])
        else {
            throw ValidationError(
                field: "subject",
                message: "must be executions.<tenant>.agents.<name> or executions.<tenant>.workflows.<id>"
            )
        }
        do throws(ValidationError) {
            self.init(tenant: try Tenant(tenant), kind: kind, name: try ExecutionName(name))
        } catch {
            throw error.within("subject")
        }
    }

    public var description: String { "\(kind.rawValue)/\(name)" }

    /// Compares bytes: canonically equivalent spellings are different names, as they are different subjects.
    public static func == (left: ExecutionReference, right: ExecutionReference) -> Bool { left.subject == right.subject }

    public func hash(into hasher: inout Hasher) { hasher.combine(subject) }
}

/// The execution and number of an event in the log (contract §9).
public struct ExecutionPlace: Sendable, Hashable {
    /// The agent or workflow.
    public var reference: ExecutionReference
    /// The id of the execution, chosen by the producer or generated.
    public var run: ExecutionRun
    /// The event's number, which continues over all executions of the same name.
    public var number: ExecutionNumber
    /// The number of the execution's first event; nil when the writer omitted it, as version 1 does: there each execution counts from 1.
    public var first: ExecutionNumber?
    /// The log sequence of the execution's first event, as a hint where to start reading; nil for the first one itself, and when the
    /// writer omitted it.
    public var start: UInt64?
    /// Whether it ends the execution.
    public var isFinal: Bool

    /// Creates a place.
    public init(
        reference: ExecutionReference,
        run: ExecutionRun,
        number: ExecutionNumber,
        first: ExecutionNumber? = nil,
        start: UInt64?,
        isFinal: Bool
    ) {
        self.reference = reference
        self.run = run
        self.number = number
        self.first = first
        self.start = start
        self.isFinal = isFinal
    }

    /// Whether it is its execution's first event.
    public var isFirst: Bool { number == first ?? .first }
}
