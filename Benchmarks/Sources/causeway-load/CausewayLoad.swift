import Glibc
import LoadKit

/// Parses arguments, runs the load, and prints the table to standard output; progress and errors go to standard error.
@main
struct CausewayLoad {
    static func main() {
        var arguments = Array(CommandLine.arguments.dropFirst())
        if arguments.contains("--help") {
            print([LoadOptions.usage, DecisionOptions.usage, SuiteOptions.usage].joined(separator: "\n\n"))
            return
        }
        do throws(LoadError) {
            if let mode = arguments.firstIndex(of: "--decisions") {
                arguments.remove(at: mode)
                try decide(arguments)
            } else if let mode = arguments.firstIndex(of: "--suite") {
                arguments.remove(at: mode)
                try measure(arguments)
            } else {
                try deliver(arguments)
            }
        } catch {
            note("\(error)")
            exit(1)
        }
    }

    private static func deliver(_ arguments: [String]) throws(LoadError) {
        let options = try LoadOptions(arguments: arguments, environment: variable)
        let run = try LoadRun(options: options, executableDirectory: executableDirectory(), log: note)
        defer { run.stop() }
        print(try run.run().table)
    }

    private static func decide(_ arguments: [String]) throws(LoadError) {
        let run = try DecisionRun(options: try DecisionOptions(arguments: arguments, environment: variable), log: note)
        print(try run.run().table)
    }

    private static func measure(_ arguments: [String]) throws(LoadError) {
        let options = try SuiteOptions(arguments: arguments, environment: variable, executableDirectory: executableDirectory())
        print(try Suite(options: options, log: note).run())
    }

    private static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    private static func note(_ text: String) {
        let line = "causeway-load: \(text)\n"
        write(STDERR_FILENO, line, line.utf8.count)
    }

    /// Returns the directory of this program.
    private static func executableDirectory() -> String {
        let path = [CChar](unsafeUninitializedCapacity: Int(PATH_MAX)) { buffer, count in
            count = buffer.baseAddress.map { max(0, readlink("/proc/self/exe", $0, buffer.count)) } ?? 0
        }
        let directory = path[..<(path.lastIndex(of: CChar(UInt8(ascii: "/"))) ?? 0)]
        return String(decoding: directory.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
