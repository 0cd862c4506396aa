public import Basics

/// The event types requested by a reader: `?types=investigation.*,approval.requested` (contract §2).
public struct TypeFilter: Sendable, Hashable {
    /// The most patterns in one filter.
    public static let maximumPatterns = 64

    private let exact: Set<EventType>
    /// With the final dot: `investigation.`; sorted, so that equal filters are equal values.
    private let prefixes: [String]

    /// Parses a percent-decoded, comma-separated list of exact types and prefixes that end in `.*`.
    public init(query: String) throws(ValidationError) {
        let patterns = query.split(separator: ",", maxSplits: Self.maximumPatterns, omittingEmptySubsequences: false)
        guard patterns.count <= Self.maximumPatterns else {
            throw ValidationError(field: "types", message: "must name at most \(Self.maximumPatterns) types")
        }
        var exact: Set<EventType> = []
        var prefixes: Set<String> = []
        for pattern in patterns {
            if pattern.hasSuffix(".*"), EventType.wordCount(pattern.utf8.dropLast(2), maximumBytes: EventType.maximumBytes - 2) != nil {
                prefixes.insert(String(pattern.dropLast()))
            } else if let type = try? EventType(String(pattern)) {
                exact.insert(type)
            } else {
                throw ValidationError(
                    field: "types",
                    message: """
                        has \(ValidationError.excerpt(String(pattern))), which is neither a type such as approval.requested \
                        nor a prefix such as investigation.*
                        """
                )
            }
        }
        self.exact = exact
        self.prefixes = prefixes.sorted()
    }

    /// The patterns, sorted; joined with commas they are a query again.
    public var patterns: [String] { (exact.map(\.name) + prefixes.map { "\($0)*" }).sorted() }

    /// Whether events of that type are wanted.
    public func matches(_ type: EventType) -> Bool {
        exact.contains(type) || prefixes.contains { type.name.hasPrefix($0) }
    }
}
