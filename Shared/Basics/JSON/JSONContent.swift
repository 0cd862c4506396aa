/// Compares JSON texts by content, independent of formatting (contract §10).
///
/// White space, member order and string escapes are ignored. Number formats are not: `1`, `1.0` and `1e0` differ, because many readers treat
/// them differently.
package enum JSONContent {
    /// Returns whether two texts have the same content.
    ///
    /// - Parameters:
    ///   - one, other: JSON accepted by ``JSONScanner``.
    package static func isSame(_ one: [UInt8], _ other: [UInt8]) -> Bool {
        one == other || canonical(one) == canonical(other)
    }

    /// Returns the canonical form: that of RFC 8785 with the numbers unchanged.
    ///
    /// - Parameter bytes: JSON accepted by ``JSONScanner``; anything else is returned unchanged.
    package static func canonical(_ bytes: [UInt8]) -> [UInt8] {
        do throws(JSONSyntaxError) {
            return try CanonicalJSON.Writer.write(bytes, numbers: .asWritten).out
        } catch {
            return bytes
        }
    }
}
