/// A file that holds one secret, as container platforms hand them over.
package enum SecretFile {
    /// The largest that is read.
    package static let maximumBytes = 64 * 1024

    /// The secret in the content of such a file: without the line end that editors and `echo` leave behind; nil for what is not UTF-8 or empty.
    package static func secret(in content: [UInt8]) -> String? {
        guard let text = String(validating: content, as: UTF8.self) else { return nil }
        let secret = text.last?.isNewline == true ? String(text.dropLast()) : text
        return secret.isEmpty ? nil : secret
    }

    /// Reads the secret; nil for a file that cannot be read, or holds none. Blocks the calling thread.
    package static func read(_ path: String) -> String? {
        (try? BoundedFile.read(path, maximumBytes: maximumBytes)).flatMap(secret)
    }
}
