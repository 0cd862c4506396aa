public import Basics

/// Why an ``Authenticator`` or ``TokenMinter`` could not be set up: something an operator must correct before the process can start.
public struct AccessControlError: ExplainedError, Sendable, Hashable, CustomStringConvertible {
    /// A sentence that says what to change. Names files and settings, never a secret.
    public let message: String

    init(_ message: String) {
        self.message = message
    }

    public var description: String { message }
}
