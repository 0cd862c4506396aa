public import AccessControl
public import Basics
import EventModel
import Hummingbird
import NIOCore

extension APIError {
    /// Default `Retry-After` for an unreachable dependency, in seconds.
    static let defaultRetryAfter = 5

    /// Converts a refused token: 401, or 503 when it could not be verified.
    public init(_ error: AuthenticationError) {
        self = error.isRetriable ? .serviceUnavailable(error.message, retryAfter: Self.defaultRetryAfter) : .unauthorized(error.message)
    }

    /// Converts an invalid value: 400, or 413 for the size limit; names the field.
    public init(_ error: ValidationError) {
        switch error.kind {
        case .invalid: self = .validation(error.description)
        case .tooLarge: self = .payloadTooLarge(error.description)
        }
    }

    /// Converts an expected error: client faults with details, internal ones without.
    ///
    /// Nil for unexpected errors; log them and respond with ``internal``.
    package init?(expected error: any Error) {
        switch error {
        case let error as APIError: self = error
        case let error as AuthenticationError: self.init(error)
        case let error as ValidationError: self.init(error)
        case is CancellationError: self = .serviceUnavailable("This process is stopping: try again.", retryAfter: 1)
        case let error as HTTPError: self.init(status: error.status, message: error.body)
        case let error as any HTTPResponseError: self.init(status: error.status, message: nil)
        default: return nil
        }
    }

    /// Converts Hummingbird's own errors.
    private init?(status: HTTPResponse.Status, message: String?) {
        switch status {
        case .notFound: self = .notFound()
        case .unauthorized: self = .unauthorized(message ?? "A token is needed.")
        case .forbidden: self = .forbidden(message ?? "This is not permitted.")
        case .contentTooLarge: self = .payloadTooLarge(maximumBytes: nil)
        case .serviceUnavailable: self = .serviceUnavailable(message ?? "Try again shortly.", retryAfter: Self.defaultRetryAfter)
        case _ where status.kind == .clientError: self = .validation(message ?? "The request is malformed.")
        default: return nil
        }
    }
}
