/// Validates names and texts from outside (contract §0).
package enum TextRule {
    /// Throws unless `text` has 1 to `maximumBytes` bytes of UTF-8 and no control character.
    ///
    /// Control characters are refused because the text is used in headers, logs, terminals and NUL-terminated strings.
    package static func check(_ text: String, field: String, maximumBytes: Int) throws(ValidationError) {
        let count = text.utf8.count
        guard count > 0 else {
            throw ValidationError(field: field, message: "must not be empty")
        }
        guard count <= maximumBytes else {
            throw ValidationError(field: field, message: "must be at most \(maximumBytes) bytes of UTF-8, but has \(count)")
        }
        guard !containsControlCharacter(text) else {
            throw ValidationError(field: field, message: "must not contain control characters")
        }
    }

    /// Throws when a path segment of `text` is `.` or `..`.
    static func checkPathSegment(_ text: String, field: String) throws(ValidationError) {
        guard text.utf8.contains(UInt8(ascii: ".")) else { return }
        for part in text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            if part.elementsEqual(".".utf8) || part.elementsEqual("..".utf8) {
                throw ValidationError(field: field, message: "must not have . or .. between slashes, because no URL can carry it")
            }
        }
    }

    /// Returns whether the text has U+0000–U+001F, U+007F, or U+0080–U+009F (C2 and one byte in UTF-8).
    package static func containsControlCharacter(_ text: String) -> Bool {
        var previous: UInt8 = 0
        for byte in text.utf8 {
            if byte < 0x20 || byte == 0x7F || (previous == 0xC2 && byte < 0xA0) { return true }
            previous = byte
        }
        return false
    }
}
