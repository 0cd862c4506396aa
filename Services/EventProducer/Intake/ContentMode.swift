import Basics
import EventModel
import HTTPAPI
import HTTPTypes

/// The encoding of a request's events, from its headers (contract §10; CloudEvents HTTP binding 1.0.2, §3).
enum ContentMode: Sendable, Hashable {
    /// One event in Causeway's native JSON, or an array of them.
    case native
    /// One CloudEvent as JSON.
    case structured
    /// An array of CloudEvents as JSON.
    case batched
    /// One CloudEvent with its attributes in headers and its payload as the body.
    case binary

    private static let json = "application/json"
    private static let cloudEvent = "application/cloudevents+json"
    private static let cloudEventBatch = "application/cloudevents-batch+json"

    /// Determines the mode from the headers.
    ///
    /// - Throws: `unsupported_media_type` for another media type or charset, and for a compressed body.
    init(of headers: HTTPFields) throws(APIError) {
        let codings = headers[values: .contentEncoding].filter { $0.lowercased() != "identity" }
        guard codings.isEmpty else {
            throw .unsupportedMediaType(accepted: ["\(Self.json) and without Content-Encoding"])
        }
        switch try headers.requireContentType(anyOf: [Self.json, Self.cloudEvent, Self.cloudEventBatch]) {
        case Self.cloudEvent: self = .structured
        case Self.cloudEventBatch: self = .batched
        default:
            // One attribute header is enough for binary mode: the parser names those that are missing.
            let hasAttribute = headers.contains { $0.name.canonicalName.hasPrefix(AttributeFields.prefix) }
            self = hasAttribute ? .binary : .native
        }
    }

    /// Parses the events of a request.
    ///
    /// - Throws: the first error, with its index and field. The caller must store nothing then.
    func drafts(_ body: [UInt8], _ headers: HTTPFields) throws(ValidationError) -> [EventDraft] {
        switch self {
        case .native: try EventIntake.events(native: body)
        case .structured: [try EventIntake.event(structured: body, Self.attributes(headers))]
        case .batched: try EventIntake.events(batched: body, Self.attributes(headers))
        case .binary: [try EventIntake.event(binary: body, Self.attributes(headers))]
        }
    }

    /// Returns this mode's name of a native field, with its index if any.
    func field(_ field: String) -> String {
        let end = field.lastIndex(of: "]").map { field.index($0, offsetBy: 2, limitedBy: field.endIndex) ?? field.endIndex }
        let index = field[..<(end ?? field.startIndex)]
        let parts = field[index.endIndex...].split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let name = parts.first.map(String.init) ?? ""
        let rest = parts.count > 1 ? ".\(parts[1])" : ""
        return "\(index)\(word(name))\(rest)"
    }

    private func word(_ name: String) -> String {
        switch (self, name) {
        case (.structured, "payload"), (.batched, "payload"): "data"
        case (.structured, "user"), (.batched, "user"): "userid"
        case (.binary, "payload"): "body"
        case (.binary, "user"): "ce-userid"
        case (.binary, "id"), (.binary, "type"), (.binary, "tenant"), (.binary, "time"), (.binary, "source"): "ce-\(name)"
        default: name
        }
    }

    /// Returns the attributes of a request. A repeated attribute is an error: joining two values would, for example, yield a third user.
    private static func attributes(_ headers: HTTPFields) throws(ValidationError) -> AttributeFields {
        var fields = AttributeFields()
        var seen: Set<String> = []
        for field in headers {
            let name = field.name.canonicalName
            if name.hasPrefix(AttributeFields.prefix), !seen.insert(name).inserted {
                throw ValidationError(field: name, message: "must not be given more than once")
            }
            try fields.add(name: name, value: field.value)
        }
        return fields
    }
}
