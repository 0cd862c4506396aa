import Basics

/// Parser for one event as a JSON object around its payload.
struct EventEnvelope {
    /// Which members the object has.
    enum Form {
        /// Contract §10.
        case native
        /// CloudEvents JSON format 1.0.2.
        case cloudEvent
        /// An event of an execution, contract §9 and §10.
        case execution

        var names: EventFieldNames {
            switch self {
            case .native, .execution: .native
            case .cloudEvent: .cloudEvent
            }
        }
    }

    /// The longest text of any member, in bytes as written; each has a tighter bound.
    private static let maximumTextBytes = 4096

    private let form: Form
    private var raw = RawEvent()
    private var version: String?
    /// The names of the members so far; few, because any other than the form's is refused.
    private var seen: [String] = []

    /// Reads the object at the scanner's position. Paths in errors begin at the object.
    static func draft(scanning scanner: inout JSONScanner, form: Form) throws(ValidationError) -> EventDraft {
        var envelope = EventEnvelope(form: form)
        try envelope.scan(&scanner)
        return try envelope.draft()
    }

    /// Reads the object at the scanner's position without validating its members.
    static func raw(scanning scanner: inout JSONScanner, form: Form) throws(ValidationError) -> RawEvent {
        var envelope = EventEnvelope(form: form)
        try envelope.scan(&scanner)
        return envelope.raw
    }

    private init(form: Form) {
        self.form = form
        seen.reserveCapacity(8)
    }

    private mutating func scan(_ scanner: inout JSONScanner) throws(ValidationError) {
        try scanner.syntax { scanner throws(JSONSyntaxError) in try scanner.openObject() }
        while let range = try scanner.syntax({ scanner throws(JSONSyntaxError) in try scanner.nextMember(isFirst: seen.isEmpty) }) {
            guard range.count <= Self.maximumTextBytes else {
                throw ValidationError(field: "", message: "has a member whose name is longer than \(Self.maximumTextBytes) bytes")
            }
            let written = UnsafeBufferPointer(start: scanner.base + range.lowerBound, count: range.count)
            let name = JSONString.text(written)
            guard !seen.contains(name) else {
                throw ValidationError(field: "", message: "must not have two members called \(ValidationError.excerpt(name))")
            }
            seen.append(name)
            switch form {
            case .native: try scanNative(name, &scanner)
            case .cloudEvent: try scanCloudEvent(name, &scanner)
            case .execution: try scanExecution(name, &scanner)
            }
        }
    }

    private mutating func scanNative(_ name: String, _ scanner: inout JSONScanner) throws(ValidationError) {
        switch name {
        case "type": raw.type = try text(name, &scanner)
        case "payload": raw.payload = try Payload(scanning: &scanner, field: name)
        case "tenant": raw.tenant = try text(name, &scanner)
        case "user": raw.user = try text(name, &scanner)
        case "id": raw.id = try text(name, &scanner)
        case "time": raw.time = try text(name, &scanner)
        default:
            throw ValidationError(
                field: "",
                message: """
                    must not have a member called \(ValidationError.excerpt(name)); an event has type and payload, and may have tenant, \
                    user, id and time
                    """
            )
        }
    }

    private mutating func scanExecution(_ name: String, _ scanner: inout JSONScanner) throws(ValidationError) {
        switch name {
        case "type": raw.type = try text(name, &scanner)
        case "payload": raw.payload = try Payload(scanning: &scanner, field: name, allowsStreamMembers: true)
        case "execution": raw.execution = try text(name, &scanner)
        case "tenant": raw.tenant = try text(name, &scanner)
        case "id": raw.id = try text(name, &scanner)
        case "time": raw.time = try text(name, &scanner)
        default:
            throw ValidationError(
                field: "",
                message: """
                    must not have a member called \(ValidationError.excerpt(name)); an event has type and payload, and may have execution, id, \
                    time and tenant
                    """
            )
        }
    }

    private mutating func scanCloudEvent(_ name: String, _ scanner: inout JSONScanner) throws(ValidationError) {
        switch name {
        case "specversion": version = try text(name, &scanner)
        case "type": raw.type = try text(name, &scanner)
        case "id": raw.id = try text(name, &scanner)
        case "source": raw.source = try text(name, &scanner)
        case "data": raw.payload = try Payload(scanning: &scanner, field: name)
        case "tenant": raw.tenant = try optionalText(name, &scanner)
        case "userid": raw.user = try optionalText(name, &scanner)
        case "time": raw.time = try optionalText(name, &scanner)
        case "traceparent": raw.traceparent = try optionalText(name, &scanner)
        case "tracestate", "subject", "dataschema": _ = try optionalText(name, &scanner)
        case "datacontenttype": try CloudEventHeaders.checkContentType(optionalText(name, &scanner), field: name)
        case "data_base64":
            throw ValidationError(field: name, message: "is not supported; send the payload as a JSON object in data")
        default: try AttributeFields.checkAttribute(name, field: name)
        }
    }

    private func draft() throws(ValidationError) -> EventDraft {
        let names = form.names
        if form == .cloudEvent {
            try CloudEventHeaders.checkVersion(RawEvent.required(version, "specversion"), field: "specversion")
            _ = try RawEvent.required(raw.id, names.id)
            _ = try RawEvent.required(raw.source, names.source)
        }
        let draft = try raw.draft(names)
        try draft.checkAtIntake(names)
        return draft
    }

    // MARK: Values

    /// Reads a string, or null, which in CloudEvents means that the attribute is absent.
    private func optionalText(_ name: String, _ scanner: inout JSONScanner) throws(ValidationError) -> String? {
        guard scanner.position < scanner.end, scanner.base[scanner.position] == UInt8(ascii: "n") else {
            return try text(name, &scanner)
        }
        try scanner.syntax { scanner throws(JSONSyntaxError) in try scanner.scanValue(depth: 2) }
        return nil
    }

    private func text(_ name: String, _ scanner: inout JSONScanner) throws(ValidationError) -> String {
        let start = scanner.position
        try scanner.syntax { scanner throws(JSONSyntaxError) in try scanner.scanValue(depth: 2) }
        let kind = JSONKind(firstByte: scanner.base[start])
        guard kind == .string else {
            throw ValidationError(field: name, message: "must be a string, but is \(kind.phrase); leave it out if there is none")
        }
        let inside = start + 1..<scanner.position - 1
        guard inside.count <= Self.maximumTextBytes else {
            throw ValidationError(field: name, message: "is too long")
        }
        let written = UnsafeBufferPointer(start: scanner.base + inside.lowerBound, count: inside.count)
        return JSONString.text(written)
    }
}
