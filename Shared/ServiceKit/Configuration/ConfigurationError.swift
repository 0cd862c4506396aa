public import Basics

/// Why a process does not start with the configuration it was given. The message is one sentence: which key, where it came from, and what to
/// do. It never shows the value of a secret.
public struct ConfigurationError: ExplainedError, Sendable, Hashable, CustomStringConvertible {
    /// The sentence, without the name of the program.
    public let message: String
    /// What the process exits with.
    public let exitCode: ExitCode

    init(_ message: String, exitCode: ExitCode) {
        self.message = message
        self.exitCode = exitCode
    }

    /// A mistake on the command line.
    static func usage(_ message: String) -> ConfigurationError {
        ConfigurationError(message, exitCode: .usage)
    }

    /// A mistake in the environment or in a file, or a combination of settings that cannot work.
    public static func configuration(_ message: String) -> ConfigurationError {
        ConfigurationError(message, exitCode: .configuration)
    }

    public var description: String { message }
}
