import AccessControl
public import Hummingbird

/// The parameters of a query string, decoded (percent-encoding, and `+` for a space, as browsers write it). Names may repeat.
public struct QueryParameters: Sendable {
    /// The longest query that is read, in bytes: enough for a token of 8 KiB and a filter beside it.
    public static let maximumBytes = 16 * 1024
    /// The most parameters that are read.
    public static let maximumCount = 128

    private let pairs: [(name: String, value: String)]

    /// - Throws: `validation_error` when the query is too long, or not decodable to UTF-8.
    public init(_ query: String?) throws(APIError) {
        let pieces = Self.split(query)
        guard (query?.utf8.count ?? 0) <= Self.maximumBytes, pieces.count <= Self.maximumCount else {
            throw .validation("The query is too long: send at most \(Self.maximumCount) parameters in \(Self.maximumBytes) bytes.")
        }
        pairs = try pieces.map { piece throws(APIError) in
            guard let pair = Self.decode(piece) else {
                throw .validation(
                    "The query cannot be decoded: every % must be followed by two hexadecimal digits, and the result be UTF-8."
                )
            }
            return pair
        }
    }

    /// The query of a request.
    public init(of request: Request) throws(APIError) {
        try self.init(request.uri.query)
    }

    private init(pairs: [(name: String, value: String)]) {
        self.pairs = pairs
    }

    /// Parameters that cannot be decoded, or go beyond the bounds, are left out: for surfaces that must not refuse a request for its query.
    public static func lenient(_ query: String?) -> QueryParameters {
        guard (query?.utf8.count ?? 0) <= maximumBytes else { return QueryParameters(pairs: []) }
        return QueryParameters(pairs: split(query).prefix(maximumCount).compactMap(decode))
    }

    /// All values under `name`, in order; an absent name has none.
    public func values(_ name: String) -> [String] {
        pairs.filter { $0.name == name }.map(\.value)
    }

    /// The value under `name`, nil if absent, empty if nothing follows it.
    /// - Throws: `validation_error` when the name repeats, because no choice between two values is right.
    public func value(_ name: String) throws(APIError) -> String? {
        let values = values(name)
        guard values.count <= 1 else { throw .validation("\(name): must not be given more than once.") }
        return values.first
    }

    private static func split(_ query: String?) -> [Substring] {
        query?.split(separator: "&", maxSplits: maximumCount + 1, omittingEmptySubsequences: true) ?? []
    }

    private static func decode(_ piece: Substring) -> (name: String, value: String)? {
        let parts = piece.utf8.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
        let texts = parts.compactMap { PercentEncoding.strictlyDecoded($0) }.compactMap { String(validating: $0, as: UTF8.self) }
        guard texts.count == parts.count, let name = texts.first else { return nil }
        return (name, texts.count > 1 ? texts[1] : "")
    }
}
