public import Basics

/// Describes why a process does not start with its configuration: which key, from which source, and what to do. Never shows a secret.
public struct ConfigurationError: ExplainedError, Sendable, Hashable, CustomStringConvertible {
    /// The message, without the program's name.
    public let message: String
    /// The process's exit code.
    public let exitCode: ExitCode

    init(_ message: String, exitCode: ExitCode) {
        self.message = message
        self.exitCode = exitCode
    }

    /// An error on the command line.
    static func usage(_ message: String) -> ConfigurationError {
        ConfigurationError(message, exitCode: .usage)
    }

    /// An error in the environment or a file, or a combination of settings that does not work.
    public static func configuration(_ message: String) -> ConfigurationError {
        ConfigurationError(message, exitCode: .configuration)
    }

    public var description: String { message }
}
