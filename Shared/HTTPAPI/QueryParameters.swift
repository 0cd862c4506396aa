import AccessControl
import Basics
public import Hummingbird

/// The parameters of a query string, decoded (percent-encoding, and `+` for a space, as browsers write it). Names may repeat.
public struct QueryParameters: Sendable {
    /// The longest query that is read, in bytes: enough for a token of 8 KiB and a filter beside it.
    public static let maximumBytes = 16 * 1024
    /// The most parameters that are read.
    public static let maximumCount = 128

    private struct Parameter {
        /// Decoded; as it was sent where that cannot be, and so equal to no name that is asked for.
        let name: String
        /// Nil where it cannot be decoded.
        let value: String?
        /// As it was sent.
        let text: String
    }

    private let parameters: [Parameter]

    /// A parameter that cannot be decoded is no fault until its value is asked for.
    ///
    /// - Throws: `validation_error` when the query is too long.
    public init(_ query: String?) throws(APIError) {
        let pieces = Self.split(query)
        guard (query?.utf8.count ?? 0) <= Self.maximumBytes, pieces.count <= Self.maximumCount else {
            throw .validation("The query is too long: send at most \(Self.maximumCount) parameters in \(Self.maximumBytes) bytes.")
        }
        parameters = pieces.map(Self.parameter)
    }

    /// The query of a request.
    public init(of request: Request) throws(APIError) {
        try self.init(request.uri.query)
    }

    private init(parameters: [Parameter]) {
        self.parameters = parameters
    }

    /// Parameters that cannot be decoded, or go beyond the bounds, are left out: for surfaces that must not refuse a request for its query.
    public static func lenient(_ query: String?) -> QueryParameters {
        guard (query?.utf8.count ?? 0) <= maximumBytes else { return QueryParameters(parameters: []) }
        return QueryParameters(parameters: split(query).prefix(maximumCount).map(parameter).filter { $0.value != nil })
    }

    /// All values under `name`, in order; an absent name has none.
    /// - Throws: `validation_error` when one cannot be decoded to UTF-8.
    public func values(_ name: String) throws(APIError) -> [String] {
        try parameters.filter { $0.name == name }.map { parameter throws(APIError) in
            guard let value = parameter.value else {
                throw .validation(
                    "\(name): cannot be decoded: every % must be followed by two hexadecimal digits, and the result be UTF-8."
                )
            }
            return value
        }
    }

    /// All values under `name` that can be decoded, in order.
    public func decodableValues(_ name: String) -> [String] {
        parameters.filter { $0.name == name }.compactMap(\.value)
    }

    /// The value under `name`, nil if absent, empty if nothing follows it.
    /// - Throws: `validation_error` when the name repeats, because no choice between two values is right.
    public func value(_ name: String) throws(APIError) -> String? {
        let values = try values(name)
        guard values.count <= 1 else { throw .validation("\(name): must not be given more than once.") }
        return values.first
    }

    /// The cursor of a stream that never refuses one (contract §3): `last_event_id`, nil if absent, empty if nothing follows it.
    ///
    /// What cannot be decoded is as it was sent, and what is given more than once is all of it: neither is the text of a cursor, so that the
    /// stream tells the client of an unknown one.
    public var lastEventID: String? {
        let given = parameters.filter { $0.name == "last_event_id" }.map { $0.value ?? $0.text }
        return given.isEmpty ? nil : given.joined(separator: "&")
    }

    private static func split(_ query: String?) -> [Substring] {
        query?.split(separator: "&", maxSplits: maximumCount + 1, omittingEmptySubsequences: true) ?? []
    }

    private static func parameter(_ piece: Substring) -> Parameter {
        let parts = piece.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = parts.first ?? ""
        let text = parts.count > 1 ? parts[1] : ""
        return Parameter(name: decoded(name) ?? String(name), value: decoded(text), text: String(text))
    }

    private static func decoded(_ text: Substring) -> String? {
        PercentEncoding.strictlyDecoded(text.utf8).flatMap { String(validating: $0, as: UTF8.self) }
    }
}
