import Basics

extension KeyedDecodingContainer {
    /// Decodes a duration in nanoseconds; nil if the key is missing.
    func decodeNanoseconds(forKey key: Key) throws -> Duration? {
        try decodeIfPresent(Int64.self, forKey: key).map { .nanoseconds($0) }
    }

    /// Decodes an RFC 3339 instant as nanoseconds since 1970; nil if the key is missing.
    func decodeInstant(forKey key: Key) throws -> UInt64? {
        guard let text = try decodeIfPresent(String.self, forKey: key) else { return nil }
        guard let instant = RFC3339.nanosecondsSinceEpoch(text) else {
            throw DecodingError.dataCorruptedError(forKey: key, in: self, debugDescription: "not an instant in RFC 3339")
        }
        return instant
    }
}
