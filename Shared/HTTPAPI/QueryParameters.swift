import Basics
public import Hummingbird

/// Parses a query string (percent-encoding, and `+` for a space, as browsers send it). Names may repeat.
public struct QueryParameters: Sendable {
    /// Maximum query size for ``init(of:)`` in bytes: room for a 16 KiB token (contract §1) and everything else.
    public static let maximumBytes = 24 * 1024
    /// Maximum number of parameters for ``init(of:)``.
    public static let maximumCount = 128

    /// Undecoded. Names are decoded on look-up, values on access, so that a long query is cheap.
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

    /// Parses a query without a limit, for surfaces that must not refuse a client for its query; the listener limits the request head. An
    /// undecodable parameter is an error only when its value is read.
    public init(unbounded query: String?) {
        parameters = query?.split(separator: "&", omittingEmptySubsequences: true).map(Parameter.init) ?? []
    }

    /// Parses a query of at most ``maximumBytes`` bytes and ``maximumCount`` parameters.
    ///
    /// - Throws: `validation_error` when the query is too long.
    public init(_ query: String?) throws(APIError) {
        self.init(unbounded: query)
        guard (query?.utf8.count ?? 0) <= Self.maximumBytes, parameters.count <= Self.maximumCount else {
            throw .validation("The query is too long: send at most \(Self.maximumCount) parameters in \(Self.maximumBytes) bytes.")
        }
    }

    /// Parses the query of a request.
    public init(of request: Request) throws(APIError) {
        try self.init(request.uri.query)
    }

    /// Returns all values of `name` in order; empty when absent.
    /// - Throws: `validation_error` when one is not decodable to UTF-8.
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

    /// Returns all decodable values of `name` in order.
    public func decodableValues(_ name: String) -> [String] {
        parameters(named: name).compactMap(\.value)
    }

    /// Returns the value of `name`; nil when absent, empty without a value.
    /// - Throws: `validation_error` when the name repeats, because neither value is authoritative.
    public func value(_ name: String) throws(APIError) -> String? {
        let values = try values(name)
        guard values.count <= 1 else { throw .validation("\(name): must not be given more than once.") }
        return values.first
    }

    /// The resume position in the query, in any spelling of ``LastEventID``; nil when absent, empty without a value.
    ///
    /// Undecodable values stay as sent, and several are joined: both yield an invalid cursor, so that the response reports the cursor as
    /// unknown.
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
