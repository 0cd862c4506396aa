/// The isolation unit: no event ever crosses tenants (contract §0, §2).
public struct Tenant: Sendable, Hashable, CustomStringConvertible {
    /// The longest name, in bytes of UTF-8.
    public static let maximumBytes = 128

    /// The name as the token or the producer gives it.
    public let name: String

    /// Accepts 1 to 128 bytes of UTF-8 without control characters.
    public init(_ name: String) throws(ValidationError) {
        try TextRule.check(name, field: "tenant", maximumBytes: Self.maximumBytes)
        self.name = name
    }

    public var description: String { name }

    /// Compares the bytes: two spellings that only look alike are two tenants, as they are two subjects on the bus.
    public static func == (left: Tenant, right: Tenant) -> Bool {
        left.name == right.name && left.name.utf8.elementsEqual(right.name.utf8)
    }

    public func hash(into hasher: inout Hasher) {
        var name = name
        name.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}
