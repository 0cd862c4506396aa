/// The exit codes of Causeway's processes.
public struct ExitCode: RawRepresentable, Sendable, Hashable {
    /// The code, from 0 to 255.
    public let rawValue: Int32

    /// Creates a code.
    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// A clean shutdown, or an answered `--help` or similar.
    public static let success = ExitCode(rawValue: 0)
    /// The process could not start, or a part of it failed; the last line on standard error has the reason.
    public static let failure = ExitCode(rawValue: 1)
    /// An error on the command line (`EX_USAGE` of sysexits.h).
    public static let usage = ExitCode(rawValue: 64)
    /// An error in the environment or in a file (`EX_CONFIG` of sysexits.h).
    public static let configuration = ExitCode(rawValue: 78)

    /// Terminated by a signal: 128 + its number, as shells report it. 143 after a second SIGTERM, 130 after a second SIGINT.
    public static func interrupted(bySignal number: Int32) -> ExitCode {
        ExitCode(rawValue: 128 + number)
    }
}
