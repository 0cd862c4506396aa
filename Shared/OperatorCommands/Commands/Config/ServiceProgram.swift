import Basics

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A service's program, which knows the settings of the service.
struct ServiceProgram: Sendable, Hashable {
    /// The services, as in `deploy/programs.json`.
    static let all = [
        ServiceProgram("sse-edge"), ServiceProgram("websocket-edge"), ServiceProgram("jsonrpc-relay"), ServiceProgram("approval-api"),
        ServiceProgram("event-producer", ["serve"]), ServiceProgram("webhook-dispatcher"),
    ]

    /// The name of the service and of its executable.
    let name: String
    /// The words of its command line before the settings.
    let arguments: [String]

    private init(_ name: String, _ arguments: [String] = []) {
        self.name = name
        self.arguments = arguments
    }

    /// Returns the path of the executable: beside the running program, or in a directory of `searchPath` (`PATH`); nil where it is not installed.
    func path(searchPath: String) -> String? {
        let directories = [Self.ownDirectory].compactMap(\.self) + searchPath.split(separator: ":").map(String.init)
        return directories.lazy.map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 && FileStatus(of: $0)?.kind == .regular }
    }

    /// Replaces the running process by the program, which writes to its standard output and ends with its own code.
    ///
    /// - Returns: only on failure, the system's message.
    static func execute(_ path: String, _ arguments: [String], environment: [String: String]) -> String {
        let words = ([path] + arguments).map { strdup($0) } + [nil]
        let variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        _ = execve(path, words, variables)
        let code = errno
        for text in words + variables { free(text) }
        return String(cString: strerror(code))
    }

    private static var ownDirectory: String? {
        guard let path = realpath("/proc/self/exe", nil) else { return nil }
        defer { free(path) }
        let text = String(cString: path)
        return text.lastIndex(of: "/").map { String(text[..<$0]) }
    }
}
