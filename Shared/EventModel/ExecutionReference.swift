public import Basics

/// What runs in steps that people watch: an agent or a workflow of one tenant (contract §9). It may run again and again; each time is an
/// execution.
public struct ExecutionReference: Sendable, Hashable, CustomStringConvertible {
    /// What runs; the word is the one in paths and subjects.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        case agents
        case workflows
    }

    /// The subjects of all executions, as a filter.
    public static let subjectFilter = "executions.>"

    /// Whose it is; nobody else ever sees it.
    public let tenant: Tenant
    /// Whether it is an agent or a workflow.
    public let kind: Kind
    /// The agent's name or the workflow's id.
    public let name: ExecutionName
    /// Where its events lie on the bus: `executions.<tenant>.<kind>.<name>`, tenant and name as ``SubjectToken``s.
    public let subject: String

    /// Names what runs.
    public init(tenant: Tenant, kind: Kind, name: ExecutionName) {
        self.tenant = tenant
        self.kind = kind
        self.name = name
        subject = "executions.\(SubjectToken.encode(tenant)).\(kind.rawValue).\(SubjectToken.encode(name))"
    }

    /// Reads the subject of a message.
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

    /// Compares the bytes: two spellings that only look alike are two names, as they are two subjects on the bus.
    public static func == (left: ExecutionReference, right: ExecutionReference) -> Bool { left.subject == right.subject }

    public func hash(into hasher: inout Hasher) { hasher.combine(subject) }
}

/// Which event of which execution an entry of the log is (contract §9).
public struct ExecutionPlace: Sendable, Hashable {
    /// What runs.
    public var reference: ExecutionReference
    /// Which of its executions, by an id that the producer chose or that was made for it.
    public var run: ExecutionRun
    /// The event's number, which goes on over all executions of the same name.
    public var number: ExecutionNumber
    /// The number of the execution's first event; nil when whoever wrote it did not say. Logs written by version 1 do not: there each execution
    /// counts from 1.
    public var first: ExecutionNumber?
    /// The place in the log of the execution's first event, as a hint where to begin to read; nil for the first one itself, and when whoever
    /// wrote it did not say.
    public var start: UInt64?
    /// Whether it ends the execution.
    public var isFinal: Bool

    /// Puts an event at its place.
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
