import Basics
public import Hummingbird

/// The parameters of a query string, decoded (percent-encoding, and `+` for a space, as browsers write it). Names may repeat.
public struct QueryParameters: Sendable {
    /// The longest query that ``init(of:)`` accepts, in bytes: a token of 16 KiB (contract §1) has room beside everything else.
    public static let maximumBytes = 24 * 1024
    /// The most parameters that ``init(of:)`` accepts.
    public static let maximumCount = 128

    /// As it was sent. A name is decoded when one is looked for, a value when it is asked for, so that a long query costs little.
    private struct Parameter {
        let name: Substring
        let text: Substring

        init(_ piece: Substring) {
            let separator = piece.utf8.firstIndex(of: UInt8(ascii: "="))
            name = piece[..<(separator ?? piece.endIndex)]
            text = separator.map { piece[piece.utf8.index(after: $0)...] } ?? ""
        }

        var value: String? { QueryParameters.decoded(text) }
    }

    private let parameters: [Parameter]

    /// Reads a query of any length, for surfaces that must not refuse a client for its query. The listener bounds a request's head, and the
    /// query with it. A parameter that cannot be decoded is no fault until its value is asked for.
    public init(unbounded query: String?) {
        parameters = query?.split(separator: "&", omittingEmptySubsequences: true).map(Parameter.init) ?? []
    }

    /// Reads a query of at most ``maximumBytes`` bytes and ``maximumCount`` parameters.
    ///
    /// - Throws: `validation_error` when the query is too long.
    public init(_ query: String?) throws(APIError) {
        self.init(unbounded: query)
        guard (query?.utf8.count ?? 0) <= Self.maximumBytes, parameters.count <= Self.maximumCount else {
            throw .validation("The query is too long: send at most \(Self.maximumCount) parameters in \(Self.maximumBytes) bytes.")
        }
    }

    /// The query of a request.
    public init(of request: Request) throws(APIError) {
        try self.init(request.uri.query)
    }

    /// All values under `name`, in order; an absent name has none.
    /// - Throws: `validation_error` when one cannot be decoded to UTF-8.
    public func values(_ name: String) throws(APIError) -> [String] {
        try parameters(named: name).map { parameter throws(APIError) in
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
        parameters(named: name).compactMap(\.value)
    }

    /// The value under `name`, nil if absent, empty if nothing follows it.
    /// - Throws: `validation_error` when the name repeats, because no choice between two values is right.
    public func value(_ name: String) throws(APIError) -> String? {
        let values = try values(name)
        guard values.count <= 1 else { throw .validation("\(name): must not be given more than once.") }
        return values.first
    }

    /// The place that the query names, under any spelling of ``LastEventID``; nil if absent, empty if nothing follows the name.
    ///
    /// A value that cannot be decoded is as it was sent, and several are joined: neither is the text of a cursor, so that the client is told
    /// that its cursor is unknown.
    var lastEventID: String? {
        let given = parameters.filter { parameter in
            LastEventID.isName(parameter.name.utf8) || Self.decoded(parameter.name).map { LastEventID.isName($0.utf8) } ?? false
        }
        return given.isEmpty ? nil : given.map { $0.value ?? String($0.text) }.joined(separator: "&")
    }

    private func parameters(named name: String) -> [Parameter] {
        parameters.filter { parameter in
            let sent = parameter.name.utf8
            if sent.elementsEqual(name.utf8) { return true }
            guard sent.contains(UInt8(ascii: "%")) || sent.contains(UInt8(ascii: "+")) else { return false }
            return Self.decoded(parameter.name).map { $0.utf8.elementsEqual(name.utf8) } ?? false
        }
    }

    private static func decoded(_ text: Substring) -> String? {
        guard String(text).isDecodedText else { return nil }
        return PercentEncoding.strictlyDecoded(text.utf8).flatMap { String(validating: $0, as: UTF8.self) }
    }
}
