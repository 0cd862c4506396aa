import Basics

/// The variables of a file such as systemd's `EnvironmentFile=` and the `env_file` of containers: lines `NAME=value`, comments behind `#` or `;`.
///
/// White space around a value, and one pair of quotes around it, do not belong to it. Of a name that is written twice, the last line counts. Nothing
/// is expanded. A pure value; reading the file blocks the calling thread.
struct EnvironmentFile: Sendable, Equatable {
    /// Why the file cannot be used. Quotes no line: each may have a secret.
    struct Mistake: Error, Hashable {
        let sentence: String
    }

    /// Maximum size of the file in bytes.
    static let maximumBytes = 1024 * 1024

    /// The values by name.
    private(set) var variables: [String: String] = [:]

    /// Reads the file.
    static func read(_ path: String) throws(Mistake) -> EnvironmentFile {
        let content: [UInt8]
        do throws(BoundedFile.ReadError) {
            content = try BoundedFile.read(path, maximumBytes: maximumBytes)
        } catch {
            throw Mistake(sentence: "\(path) cannot be read: \(error.systemMessage ?? "it is larger than \(maximumBytes) bytes")")
        }
        guard let text = String(validating: content, as: UTF8.self), !text.utf8.contains(0) else {
            throw Mistake(sentence: "\(path) is not UTF-8 text")
        }
        return try EnvironmentFile(text, path: path)
    }

    /// Parses the file's content.
    init(_ text: String, path: String) throws(Mistake) {
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let line = Self.trimmed(line)
            if line.isEmpty || line.hasPrefix("#") || line.hasPrefix(";") { continue }
            guard let sign = line.firstIndex(of: "="), Self.isName(line[..<sign]) else {
                throw Mistake(sentence: "\(path), line \(index + 1): write NAME=value, with letters, digits and _ in the name")
            }
            variables[String(line[..<sign])] = Self.unquoted(Self.trimmed(line[line.index(after: sign)...]))
        }
    }

    private static func isName(_ text: Substring) -> Bool {
        guard let first = text.first, !first.isNumber else { return false }
        return text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
    }

    private static func unquoted(_ text: Substring) -> String {
        guard text.count >= 2, let quote = text.first, quote == "\"" || quote == "'", text.last == quote else { return String(text) }
        return String(text.dropFirst().dropLast())
    }

    private static func trimmed(_ text: Substring) -> Substring {
        let start = text.drop(while: \.isWhitespace)
        guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return start[...last]
    }
}
