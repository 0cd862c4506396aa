import Basics
import Configuration
import Synchronization

/// Reads settings from a YAML 1.1 file, or from JSON, which is parsed as YAML.
///
/// A file whose name ends in `.json` must be strict JSON. Keys may be nested or joined by dots. An empty value and `null` count as not set.
struct ConfigurationFile: Sendable {
    /// Maximum file size in bytes.
    static let maximumBytes = 1024 * 1024

    /// The file's path.
    let path: String
    /// The content, for swift-configuration's lookups.
    let snapshot: YAMLSnapshot

    /// Reads and parses the file; unknown and duplicate keys are errors.
    init(path: String, schema: ConfigurationSchema) throws(ConfigurationError) {
        self.path = path
        let content: [UInt8]
        do {
            content = try BoundedFile.read(path, maximumBytes: Self.maximumBytes)
        } catch {
            throw .configuration("the file \(path) that --config names \(error.reason(limit: Self.maximumBytes))")
        }
        if path.lowercased().hasSuffix(".json"), !Self.isBlank(content) {
            do throws(JSONSyntaxError) {
                try JSONDocument.check(content)
            } catch {
                throw .configuration("the file \(path) is not valid JSON: \(error.problem) at byte \(error.offset)")
            }
        }
        let found = FoundNames()
        do {
            let options = YAMLSnapshot.ParsingOptions(secretsSpecifier: .dynamic { name, _ in found.note(name, in: schema) })
            // Without a key the parser reports no mapping; treat that as empty.
            snapshot = try YAMLSnapshot(
                data: (Self.isBlank(content) ? Array("{}".utf8) : content).span.bytes,
                providerName: path,
                parsingOptions: options
            )
        } catch {
            throw .configuration("the file \(path) is not valid YAML or JSON: \(Self.firstLine(of: error))")
        }
        let names = found.names
        if let unknown = names.first(where: { schema.key(named: $0) == nil }) {
            let near = Spelling.nearest(to: unknown, among: schema.names).map { "did you mean \($0)?" } ?? "use one that --help lists"
            throw .configuration(
                "\(ShownText.unknownName(unknown, among: schema.names)) in the file \(path) is not a key of \(schema.program): \(near)"
            )
        }
        if let twice = names.first(where: { name in names.filter { $0 == name }.count > 1 }) {
            throw .configuration("\(twice) is written twice in the file \(path): leave one of them")
        }
    }

    private static func isBlank(_ content: [UInt8]) -> Bool {
        content.split(separator: UInt8(ascii: "\n")).allSatisfy { line in
            let text = line.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: "\r") }
            return text.isEmpty || text.first == UInt8(ascii: "#") || text.elementsEqual("---".utf8)
        }
    }

    /// Returns the first line only: the others quote the file, and may show a secret.
    private static func firstLine(of error: any Error) -> String {
        ShownText.bounded(String("\(error)".prefix { !$0.isNewline }))
    }
}

/// Collects the keys of a file.
///
/// A snapshot cannot list its keys, but calls back once for each, with its full name, to ask whether it is secret.
private final class FoundNames: Sendable {
    private let noted = Mutex<[String]>([])

    var names: [String] { noted.withLock(\.self) }

    func note(_ name: String, in schema: ConfigurationSchema) -> Bool {
        noted.withLock { $0.append(name) }
        return schema.key(named: name)?.isSecret ?? true
    }
}
