import Glibc
import LoadKit

/// Arguments → load → table on standard output; what is being done, and what went wrong, on standard error.
@main
struct CausewayLoad {
    static func main() {
        let arguments = Array(CommandLine.arguments.dropFirst())
        if arguments.contains("--help") {
            print(LoadOptions.usage)
            return
        }
        do throws(LoadError) {
            let options = try LoadOptions(arguments: arguments) { name in getenv(name).map { String(cString: $0) } }
            let run = try LoadRun(options: options, executableDirectory: executableDirectory()) { note("\($0)") }
            defer { run.stop() }
            print(try run.run().table)
        } catch {
            note("\(error)")
            exit(1)
        }
    }

    private static func note(_ text: String) {
        let line = "causeway-load: \(text)\n"
        write(STDERR_FILENO, line, line.utf8.count)
    }

    /// Where this program lies.
    private static func executableDirectory() -> String {
        let path = [CChar](unsafeUninitializedCapacity: Int(PATH_MAX)) { buffer, count in
            count = buffer.baseAddress.map { max(0, readlink("/proc/self/exe", $0, buffer.count)) } ?? 0
        }
        let directory = path[..<(path.lastIndex(of: CChar(UInt8(ascii: "/"))) ?? 0)]
        return String(decoding: directory.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
