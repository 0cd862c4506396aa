public import Basics

/// The event types of executions that the contract names, their required payload members, and which of them end an execution
/// (contract §9).
///
/// Unlike the types of tenant events these are single words. Types that are not in the catalogue are also valid; their payloads
/// are not checked, and they never end an execution.
public enum ExecutionCatalogue {
    /// The constraint on a required member.
    enum Rule: Sendable {
        /// An ``Identifier``.
        case identifier
        /// A number from 0 to 1.
        case fraction
    }

    private struct Entry {
        var kind: ExecutionReference.Kind
        var isFinal = false
        var required: [(name: String, rule: Rule)] = []
        /// The members that are identifiers, required or not.
        var identifiers: [String] = []
    }

    private static let table: [String: Entry] = [
        "progress": Entry(kind: .agents, required: [("progress", .fraction)]),
        "complete": Entry(kind: .agents, isFinal: true),
        "failed": Entry(kind: .agents, isFinal: true),
        "step_start": Entry(kind: .workflows, required: [("stepId", .identifier)], identifiers: ["stepId", "name", "agent"]),
        "step_progress": Entry(
            kind: .workflows,
            required: [("stepId", .identifier), ("progress", .fraction)],
            identifiers: ["stepId", "name", "agent"]
        ),
        "step_complete": Entry(kind: .workflows, required: [("stepId", .identifier)], identifiers: ["stepId", "name", "agent"]),
        "workflow_complete": Entry(kind: .workflows, isFinal: true),
        "workflow_failed": Entry(kind: .workflows, isFinal: true),
    ]

    /// Words with another meaning to a stream's clients: keepalives, and events that `EventSource` itself dispatches.
    private static let reserved: Set<String> = ["ping", "heartbeat", "connected", "open", "error", "message"]

    /// Returns the types of the catalogue for a kind, sorted.
    public static func typeNames(of kind: ExecutionReference.Kind) -> [String] {
        table.filter { $0.value.kind == kind }.keys.sorted()
    }

    /// Returns the type that ends an execution of a kind with failure.
    public static func failure(of kind: ExecutionReference.Kind) -> EventType {
        .executionWord(kind == .agents ? "failed" : "workflow_failed")
    }

    /// Accepts one lower-case word, `[a-z][a-z0-9_]*`, of at most 128 bytes that is neither reserved nor a type of the other kind: a workflow that is
    /// `complete` would never end.
    public static func type(_ name: String, of kind: ExecutionReference.Kind) throws(ValidationError) -> EventType {
        guard EventType.wordCount(name.utf8, maximumBytes: EventType.maximumBytes) == 1 else {
            throw ValidationError(
                field: "type",
                message:
                    "must be one lower-case word, such as \(typeNames(of: kind).joined(separator: ", ")), in at most \(EventType.maximumBytes) bytes"
            )
        }
        guard !reserved.contains(name) else {
            throw ValidationError(field: "type", message: "\(ValidationError.excerpt(name)) is reserved; choose another type")
        }
        if let entry = table[name], entry.kind != kind {
            throw ValidationError(
                field: "type",
                message:
                    "\(ValidationError.excerpt(name)) is a type of \(entry.kind.rawValue); those of \(kind.rawValue) are \(typeNames(of: kind).joined(separator: ", "))"
            )
        }
        return .executionWord(name)
    }

    /// Whether an event of that type ends its execution.
    public static func isFinal(_ type: EventType) -> Bool { table[type.name]?.isFinal ?? false }

    /// Throws when a required member is missing or invalid. The error's field is `payload.<member>`.
    public static func validate(type: EventType, payload: Payload, payloadField: String = "payload") throws(ValidationError) {
        for (name, rule) in table[type.name]?.required ?? [] {
            let field = "\(payloadField).\(name)"
            guard let kind = payload.kind(of: name) else {
                throw ValidationError(field: field, message: "is missing; \(type.name) requires it")
            }
            switch rule {
            case .identifier: try checkIdentifier(name, of: payload, kind, field)
            case .fraction:
                let number = payload.json(name).flatMap { Double(String(decoding: $0, as: UTF8.self)) }
                guard kind == .number, let number, (0...1).contains(number) else {
                    throw ValidationError(field: field, message: "must be a number from 0 to 1")
                }
            }
        }
        try validateIdentifiers(type: type, payload: payload, payloadField: payloadField)
    }

    /// Throws when an identifier member is present and invalid. Messages from the bus get only this check (contract §0).
    static func validateIdentifiers(type: EventType, payload: Payload, payloadField: String) throws(ValidationError) {
        for name in table[type.name]?.identifiers ?? [] {
            guard let kind = payload.kind(of: name), kind != .null else { continue }
            try checkIdentifier(name, of: payload, kind, "\(payloadField).\(name)")
        }
    }

    private static func checkIdentifier(_ name: String, of payload: Payload, _ kind: JSONKind, _ field: String) throws(ValidationError) {
        guard let text = payload.string(name) else {
            throw ValidationError(field: field, message: "must be a string, but is \(kind.phrase)")
        }
        _ = try StepID(text, field: field)
    }
}
