/// Reads files with one secret, as container platforms mount them.
package enum SecretFile {
    /// Maximum size in bytes.
    package static let maximumBytes = 64 * 1024

    /// Returns the secret without a trailing line end; nil if not UTF-8 or empty.
    package static func secret(in content: [UInt8]) -> String? {
        guard let text = String(validating: content, as: UTF8.self) else { return nil }
        let secret = text.last?.isNewline == true ? String(text.dropLast()) : text
        return secret.isEmpty ? nil : secret
    }

    /// Reads the secret; nil if the file is unreadable or has none. Blocks the calling thread.
    package static func read(_ path: String) -> String? {
        (try? BoundedFile.read(path, maximumBytes: maximumBytes)).flatMap(secret)
    }
}
