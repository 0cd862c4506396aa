import ArgumentParser
import Basics
import EventModel
import ServiceKit

/// `causeway approvals digest`: prints the digest of an action.
struct DigestCommand: ParsableCommand {
    /// Maximum size of standard input in bytes.
    private static let maximumBytes = 64 * 1024 * 1024

    static let configuration = CommandConfiguration(
        commandName: "digest",
        abstract: "Reads JSON on standard input and prints the digest of the action: sha256: of its canonical form (RFC 8785).",
        discussion: "Needs no server and no token.",
        version: ConfigurationSchema.versionText("approvals digest")
    )

    @Flag(help: "Each line is one JSON value; prints a digest for each.")
    var lines = false

    func run() throws {
        let text = try InputFile.read("-", option: "standard input", maximumBytes: Self.maximumBytes)
        do throws(Basics.ValidationError) {
            try Self.digests(text, lines: lines) { Console.print($0) }
        } catch {
            throw Exit.because(error)
        }
    }

    /// Passes the digests to `print`, in order, up to the first value that has none.
    static func digests(_ text: [UInt8], lines: Bool, print: (String) -> Void) throws(Basics.ValidationError) {
        guard lines else { return print(try ActionDigest(of: text[...], field: "standard input").text) }
        var rest = text[...]
        var number = 1
        while !rest.isEmpty {
            let line = rest.prefix { $0 != UInt8(ascii: "\n") }
            print(try ActionDigest(of: line, field: "line \(number)").text)
            rest = rest[line.endIndex...].dropFirst()
            number += 1
        }
    }
}
