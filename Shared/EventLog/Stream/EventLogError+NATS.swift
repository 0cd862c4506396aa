package import NATSClient

/// Maps errors of the bus to errors of the log.
extension EventLogError {
    init(_ error: NATSError) {
        let code: Code =
            switch error.code {
            // Retriable: credentials, certificates and permissions may be corrected while the process runs.
            case .disconnected, .noResponders, .authenticationFailed, .tlsFailed, .notPermitted: .unavailable
            case .timeout: .timeout
            case .cancelled: .cancelled
            case .closed: .closed
            case .payloadTooLarge: .tooLarge
            default: .rejected
            }
        self.init(code: code, message: error.message, field: code == .tooLarge ? "payload" : nil)
    }

    /// Maps a JetStream error, except those of appends (``EventLog/appendFailed(_:on:size:of:)``).
    package init(_ error: JetStreamError) {
        let code: Code
        switch error.code {
        case .disconnected, .noResponders, .notPermitted, .streamNotFound, .consumerNotFound: code = .unavailable
        case .timeout: code = .timeout
        case .writeInFlight: code = .busy
        case .cancelled: code = .cancelled
        case .closed: code = .closed
        case .insufficientResources, .api(10047), .api(10028), .storeFailed: code = .full
        case .payloadTooLarge, .api(10054): code = .tooLarge  // the server's max_payload; the stream's max_msg_size
        default: code = error.isRetriable ? .unavailable : .rejected
        }
        self.init(code: code, message: error.message, field: code == .tooLarge ? "payload" : nil)
    }

    static let cancelled = EventLogError(code: .cancelled, message: "The call was cancelled.")
    static let closed = EventLogError(code: .closed, message: "The connection to the bus was closed.")
}
