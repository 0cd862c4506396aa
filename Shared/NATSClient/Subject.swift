/// Validates subjects against protocol injection.
///
/// nats.c sends a subject unchanged: a space would start the next argument, a line break the next command.
enum Subject {
    /// Maximum length in bytes; the server limits a protocol line to 4096 bytes.
    static let maxLength = 2048

    /// Throws unless the subject is valid for publishing: no empty token, wildcard, white space or control character.
    static func validate(forPublishing subject: String) throws(NATSError) {
        try validate(subject, wildcards: false)
    }

    /// Throws unless the subject is valid for subscribing: as for publishing, but a token may be `*`, and the last one `>`.
    static func validate(forSubscribing subject: String) throws(NATSError) {
        try validate(subject, wildcards: true)
    }

    /// Throws unless the text is a single token: a stream, consumer or queue group name.
    static func validate(token: String) throws(NATSError) {
        let isToken = !token.isEmpty && token.utf8.count <= 255
        guard isToken, token.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F && !"./\\*>".utf8.contains($0) }) else {
            throw NATSError(
                .invalidSubject,
                "A stream, consumer or queue name must be 1 to 255 bytes without white space and none of . * > / \\."
            )
        }
    }

    private static func validate(_ subject: String, wildcards: Bool) throws(NATSError) {
        var subject = subject
        let isValid = subject.withUTF8 { bytes in
            guard (1...maxLength).contains(bytes.count) else { return false }
            var tokenStart = 0
            for index in 0...bytes.count {
                let byte = index < bytes.count ? bytes[index] : UInt8(ascii: ".")
                guard byte > 0x20, byte != 0x7F else { return false }
                guard byte == UInt8(ascii: ".") else { continue }
                guard index > tokenStart else { return false }
                if index - tokenStart == 1 {
                    let only = bytes[tokenStart]
                    if only == UInt8(ascii: "*"), !wildcards { return false }
                    if only == UInt8(ascii: ">"), !wildcards || index < bytes.count { return false }
                }
                tokenStart = index + 1
            }
            return true
        }
        guard isValid else {
            throw NATSError(
                .invalidSubject,
                """
                A subject must be 1 to \(maxLength) bytes of tokens joined by dots, without an empty token or white space\
                \(wildcards ? "" : " or a wildcard").
                """
            )
        }
    }
}
