import Basics
import EventModel

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Reads files that options name; `-` is standard input.
enum InputFile {
    /// Reads a whole file. Blocks the calling thread.
    ///
    /// - Parameters:
    ///   - option: The option that names it, for errors.
    ///   - maximumBytes: Maximum size; by default that of an event's payload.
    /// - Throws: the exit code of the command, after printing an error message.
    static func read(_ path: String, option: String, maximumBytes: Int = Payload.maximumBytes) throws -> [UInt8] {
        do throws(BoundedFile.ReadError) {
            return path == "-"
                ? try BoundedFile.read(descriptor: STDIN_FILENO, maximumBytes: maximumBytes)
                : try BoundedFile.read(path, maximumBytes: maximumBytes)
        } catch {
            let reason = error.systemMessage ?? "it is larger than \(maximumBytes) bytes"
            throw Exit.because("\(option): cannot read \(path): \(reason)", Exit.invalidEvent)
        }
    }

    /// Reads a file with one JSON value, and returns its text without the white space around it.
    static func json(_ path: String, option: String) throws -> [UInt8] {
        let text = try read(path, option: option)
        do throws(JSONSyntaxError) {
            try JSONDocument.check(text)
        } catch {
            throw Exit.because(error.validationError(field: option))
        }
        return trimmed(text)
    }

    private static func trimmed(_ text: [UInt8]) -> [UInt8] {
        func isSpace(_ byte: UInt8) -> Bool { [0x20, 0x09, 0x0A, 0x0D].contains(byte) }
        let end = text.lastIndex { !isSpace($0) }.map { $0 + 1 } ?? 0
        return Array(text[..<end].drop(while: isSpace))
    }
}
