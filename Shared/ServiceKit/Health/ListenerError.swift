public import Basics
import Glibc
import NIOCore

/// Describes why a listener could not be opened, with the address and the options to change.
public struct ListenerError: ExplainedError, Sendable, Hashable, CustomStringConvertible {
    /// The sentence.
    public let message: String

    /// Converts a bind error for the address of two settings.
    public init(host: String, port: Int, hostKey: AnyConfigurationKey, portKey: AnyConfigurationKey, error: any Error) {
        let settings = "\(portKey.option) (\(portKey.environmentName))"
        let address = "\(host):\(port)"
        switch (error as? IOError)?.errnoCode {
        case EADDRINUSE:
            message = "port \(port) on \(host) is in use by another process: stop that one, or choose another port with \(settings)"
        case EACCES: message = "port \(port) on \(host) may not be used by this user: choose one above 1023 with \(settings)"
        case EADDRNOTAVAIL:
            message = "\(host) is not an address of this machine: choose one with \(hostKey.option) (\(hostKey.environmentName))"
        case .some, nil:
            message = "cannot listen on \(address) (\(error)): change \(hostKey.option) or \(settings)"
        }
    }

    public var description: String { message }
}
