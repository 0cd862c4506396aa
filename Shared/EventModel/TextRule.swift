/// What every name and id from outside must keep to, whatever it names.
enum TextRule {
    /// Throws unless `text` has 1 to `maximumBytes` bytes of UTF-8 and no control character.
    ///
    /// Control characters are refused because such text ends up in headers, logs and terminals.
    static func check(_ text: String, field: String, maximumBytes: Int) throws(ValidationError) {
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

    /// U+0000–U+001F, U+007F, and U+0080–U+009F, which are C2 and one byte more in UTF-8.
    private static func containsControlCharacter(_ text: String) -> Bool {
        var previous: UInt8 = 0
        for byte in text.utf8 {
            if byte < 0x20 || byte == 0x7F || (previous == 0xC2 && byte < 0xA0) { return true }
            previous = byte
        }
        return false
    }
}
