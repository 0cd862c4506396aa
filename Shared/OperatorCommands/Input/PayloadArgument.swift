package import Basics
package import EventModel

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A payload on the command line: JSON, or `@` and the name of a file with JSON.
package struct PayloadArgument: Sendable, Hashable {
    private let text: String

    /// - Parameter text: the option's value.
    package init(_ text: String) {
        self.text = text
    }

    /// Returns the validated payload.
    package func payload() throws(ValidationError) -> Payload {
        try Payload(validating: text.hasPrefix("@") ? Self.content(of: String(text.dropFirst())) : Array(text.utf8))
    }

    /// Reads the file, up to the size that shows that it is too large.
    private static func content(of path: String) throws(ValidationError) -> [UInt8] {
        guard let file = fopen(path, "re") else {
            throw ValidationError(field: "payload", message: "cannot be read from \(path): \(String(cString: strerror(errno)))")
        }
        defer { fclose(file) }
        var failed = false
        let bytes = [UInt8](unsafeUninitializedCapacity: Payload.maximumBytes + 1) { buffer, count in
            count = fread(buffer.baseAddress, 1, buffer.count, file)
            failed = ferror(file) != 0
        }
        guard !failed else {
            throw ValidationError(field: "payload", message: "cannot be read from \(path): is it a file?")
        }
        return bytes
    }
}
