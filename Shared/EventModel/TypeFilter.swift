public import Basics

/// The event types requested by a reader: `?types=investigation.*,approval.requested` (contract §2).
public struct TypeFilter: Sendable, Hashable {
    /// The most patterns in one filter.
    public static let maximumPatterns = 64

    private final class Patterns: Sendable {
        let exact: Set<EventType>
        /// With the final dot: `investigation.`; sorted, so that equal filters are equal values.
        let prefixes: [String]

        init(exact: Set<EventType>, prefixes: [String]) {
            self.exact = exact
            self.prefixes = prefixes
        }
    }

    /// A reference, so that an optional filter takes one word.
    private let storage: Patterns
    private var exact: Set<EventType> { storage.exact }
    private var prefixes: [String] { storage.prefixes }

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
        storage = Patterns(exact: exact, prefixes: prefixes.sorted())
    }

    public static func == (left: TypeFilter, right: TypeFilter) -> Bool {
        left.storage === right.storage || left.exact == right.exact && left.prefixes == right.prefixes
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(exact)
        hasher.combine(prefixes)
    }

    /// The patterns, sorted; joined with commas they are a query again.
    public var patterns: [String] { (exact.map(\.name) + prefixes.map { "\($0)*" }).sorted() }

    /// Whether events of that type are wanted.
    public func matches(_ type: EventType) -> Bool {
        exact.contains(type) || prefixes.contains { type.name.hasPrefix($0) }
    }
}
