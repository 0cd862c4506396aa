/// The rules for names and texts from outside, whatever they name (contract §0).
package enum TextRule {
    /// Throws unless `text` has 1 to `maximumBytes` bytes of UTF-8 and no control character.
    ///
    /// Control characters are refused because such text ends up in headers, logs, terminals and storage that ends a text at NUL.
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

    /// Throws when a part of `text` between slashes is `.` or `..`.
    static func checkPathSegment(_ text: String, field: String) throws(ValidationError) {
        guard text.utf8.contains(UInt8(ascii: ".")) else { return }
        for part in text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            if part.elementsEqual(".".utf8) || part.elementsEqual("..".utf8) {
                throw ValidationError(field: field, message: "must not have . or .. between slashes, because no URL can carry it")
            }
        }
    }

    /// U+0000–U+001F, U+007F, and U+0080–U+009F, which are C2 and one byte more in UTF-8.
    package static func containsControlCharacter(_ text: String) -> Bool {
        var previous: UInt8 = 0
        for byte in text.utf8 {
            if byte < 0x20 || byte == 0x7F || (previous == 0xC2 && byte < 0xA0) { return true }
            previous = byte
        }
        return false
    }
}
