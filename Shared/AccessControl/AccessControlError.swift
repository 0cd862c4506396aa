public import Basics

/// Describes why an ``Authenticator`` or ``TokenMinter`` could not be set up; an operator must correct it before the process can start.
public struct AccessControlError: ExplainedError, Sendable, Hashable, CustomStringConvertible {
    /// A sentence with the remedy. Names files and settings, never a secret.
    public let message: String

    init(_ message: String) {
        self.message = message
    }

    public var description: String { message }
}
