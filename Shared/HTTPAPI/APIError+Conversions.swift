public import AccessControl
public import Basics
import EventModel
import Hummingbird
import NIOCore

extension APIError {
    /// How long a client should wait before it asks again for something that is out of reach, in seconds.
    static let defaultRetryAfter = 5

    /// A refused token: 401, or 503 when it could not be checked at all.
    public init(_ error: AuthenticationError) {
        self = error.isRetriable ? .serviceUnavailable(error.message, retryAfter: Self.defaultRetryAfter) : .unauthorized(error.message)
    }

    /// A value that breaks a rule: 400, or 413 where the rule is the largest size; names the field.
    public init(_ error: ValidationError) {
        switch error.kind {
        case .invalid: self = .validation(error.description)
        case .tooLarge: self = .payloadTooLarge(error.description)
        }
    }

    /// What the client is told about any error: its own fault in detail, ours not at all.
    ///
    /// Returns nil for errors that nobody foresaw; they are to be logged and answered with ``internal``.
    init?(expected error: any Error) {
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

    /// What Hummingbird itself answers, in our form.
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
