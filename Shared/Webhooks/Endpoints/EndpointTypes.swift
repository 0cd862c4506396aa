public import Basics
public import EventModel

/// The event types that an endpoint gets: 1 to 64 types, and prefixes that end in `.*`, as written (contract §14).
public struct EndpointTypes: Sendable, Hashable {
    /// The texts in their order.
    public let patterns: [String]
    /// The filter that they make.
    public let filter: TypeFilter

    /// Validates patterns.
    ///
    /// - Parameter field: the value's name for the sender; errors begin with it.
    public init(_ patterns: [String], field: String = "types") throws(ValidationError) {
        guard (1...TypeFilter.maximumPatterns).contains(patterns.count) else {
            throw ValidationError(field: field, message: "must name 1 to \(TypeFilter.maximumPatterns) types, but has \(patterns.count)")
        }
        for pattern in patterns where pattern.utf8.contains(UInt8(ascii: ",")) {
            throw ValidationError(
                field: field,
                message: "has \(ValidationError.excerpt(pattern)), which has a comma: name each type by itself"
            )
        }
        do throws(ValidationError) {
            filter = try TypeFilter(query: patterns.joined(separator: ","))
        } catch {
            throw error.renamed(field)
        }
        self.patterns = patterns
    }
}
