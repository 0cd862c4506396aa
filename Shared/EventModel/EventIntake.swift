public import Basics

/// Parses request bodies of producers into drafts (contract §10). Pure functions; authorisation is done elsewhere.
///
/// All or nothing: the first error is thrown, with its index and field, for example `[3].payload.incidentId`. A body that is a
/// single event has no index. The payload's bytes are copied unchanged.
public enum EventIntake {
    /// The most events in one body.
    public static let maximumEvents = 1000

    /// Parses one event or an array of events in Causeway's own form: `type` and `payload`, optionally `tenant`, `user`, `id`, `time`.
    ///
    /// Any other member is refused, because a misspelt `user` would otherwise send a private event to a whole tenant.
    public static func events(native body: [UInt8]) throws(ValidationError) -> [EventDraft] {
        try drafts(body, form: .native, allowsOne: true, allowsMany: true)
    }

    /// Parses one CloudEvent in structured mode, `application/cloudevents+json` (CloudEvents JSON format 1.0.2).
    ///
    /// `data` must be the JSON object that is the payload; `userid` and `tenant` are extension attributes. Attributes that are not in
    /// ``AttributeFields/attributes`` are refused by name (contract §10).
    public static func event(structured body: [UInt8]) throws(ValidationError) -> EventDraft {
        try drafts(body, form: .cloudEvent, allowsOne: true, allowsMany: false)[0]
    }

    /// Parses one CloudEvent in structured mode; the request's headers may repeat its attributes but not contradict them.
    package static func event(structured body: [UInt8], _ fields: AttributeFields) throws(ValidationError) -> EventDraft {
        let draft = try event(structured: body)
        // The body is parsed again only if the request has such headers.
        try fields.checkRepeated { name throws(ValidationError) in
            try Payload(validating: body, field: "body", allowsStreamMembers: true).string(name)
        }
        return draft
    }

    /// Parses a batch of CloudEvents, `application/cloudevents-batch+json`: an array of what ``event(structured:)`` takes.
    public static func events(batched body: [UInt8]) throws(ValidationError) -> [EventDraft] {
        try drafts(body, form: .cloudEvent, allowsOne: false, allowsMany: true)
    }

    /// Parses a batch; the request's headers must not have attributes, since a batch has no single value for them.
    package static func events(batched body: [UInt8], _ fields: AttributeFields) throws(ValidationError) -> [EventDraft] {
        try fields.checkRepeated { _ throws(ValidationError) in nil }
        return try events(batched: body)
    }

    /// Parses one CloudEvent in binary mode: attributes in `ce-` headers, the payload as the body (CloudEvents HTTP binding 1.0.2, §3.1).
    ///
    /// - Parameter fields: the request's headers.
    package static func event(binary body: [UInt8], _ fields: AttributeFields) throws(ValidationError) -> EventDraft {
        let names = EventFieldNames.headers
        _ = try RawEvent.required(fields["ce-specversion"], "ce-specversion")
        var raw = try CloudEventHeaders.rawEvent(fields)
        _ = try RawEvent.required(raw.id, names.id)
        _ = try RawEvent.required(raw.source, names.source)
        raw.payload = try Payload(validating: body, field: names.payload)
        let draft = try raw.draft(names)
        try draft.checkAtIntake(names)
        return draft
    }

    private static func drafts(
        _ body: [UInt8],
        form: EventEnvelope.Form,
        allowsOne: Bool,
        allowsMany: Bool
    ) throws(ValidationError) -> [EventDraft] {
        try drafts(body, allowsOne: allowsOne, allowsMany: allowsMany) { scanner throws(ValidationError) in
            try EventEnvelope.draft(scanning: &scanner, form: form)
        }
    }

    /// Reads a body that is one object or an array of objects, each with `read`.
    static func drafts<Draft>(
        _ body: [UInt8],
        allowsOne: Bool,
        allowsMany: Bool,
        _ read: (inout JSONScanner) throws(ValidationError) -> Draft
    ) throws(ValidationError) -> [Draft] {
        do throws(ValidationError) {
            return try JSONScanner.scan(body) { scanner throws(ValidationError) in
                scanner.skipWhitespace()
                let isArray = scanner.position < scanner.end && scanner.base[scanner.position] == UInt8(ascii: "[")
                guard isArray ? allowsMany : allowsOne else {
                    throw ValidationError(field: "", message: isArray ? "must be one event, not an array" : "must be an array of events")
                }
                let drafts = isArray ? try many(&scanner, read) : [try read(&scanner)]
                try scanner.syntax { scanner throws(JSONSyntaxError) in try scanner.finish() }
                return drafts
            }
        } catch {
            throw error.field.isEmpty ? error.renamed("body") : error
        }
    }

    private static func many<Draft>(
        _ scanner: inout JSONScanner,
        _ read: (inout JSONScanner) throws(ValidationError) -> Draft
    ) throws(ValidationError) -> [Draft] {
        var drafts: [Draft] = []
        try scanner.syntax { scanner throws(JSONSyntaxError) in try scanner.openArray() }
        while try scanner.syntax({ scanner throws(JSONSyntaxError) in try scanner.nextElement(isFirst: drafts.isEmpty) }) {
            guard drafts.count < maximumEvents else {
                throw ValidationError(field: "", message: "must hold at most \(maximumEvents) events; send the rest in another request")
            }
            do throws(ValidationError) {
                drafts.append(try read(&scanner))
            } catch {
                throw error.within("[\(drafts.count)]")
            }
        }
        guard !drafts.isEmpty else { throw ValidationError(field: "", message: "must hold at least one event") }
        return drafts
    }
}

extension JSONScanner {
    /// Runs one step and converts a syntax error to a validation error of the current value.
    mutating func syntax<Result>(
        _ step: (inout JSONScanner) throws(JSONSyntaxError) -> Result
    ) throws(ValidationError) -> Result {
        do throws(JSONSyntaxError) {
            return try step(&self)
        } catch {
            throw error.validationError(field: "")
        }
    }
}
