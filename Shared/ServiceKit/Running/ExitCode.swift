/// What a process of Causeway exits with.
public struct ExitCode: RawRepresentable, Sendable, Hashable {
    public let rawValue: Int32

    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// A clean shutdown, or a question such as `--help` answered.
    public static let success = ExitCode(rawValue: 0)
    /// The process could not start, or a part of it failed; the sentence before it on standard error says why.
    public static let failure = ExitCode(rawValue: 1)
    /// A mistake on the command line (`EX_USAGE` of sysexits.h).
    public static let usage = ExitCode(rawValue: 64)
    /// A mistake in the environment or in a file (`EX_CONFIG` of sysexits.h).
    public static let configuration = ExitCode(rawValue: 78)

    /// Ended by a signal that was not waited for: 128 + its number, as shells report it. 143 after a second SIGTERM, 130 after a second SIGINT.
    public static func interrupted(bySignal number: Int32) -> ExitCode {
        ExitCode(rawValue: 128 + number)
    }
}
