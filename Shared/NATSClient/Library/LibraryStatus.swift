import CNATS

/// Maps nats.c's status codes to errors.
extension NATSError {
    /// Creates the error for a status other than `NATS_OK`.
    ///
    /// - Parameters:
    ///   - status: What nats.c returned.
    ///   - action: The attempted action, as the start of a sentence: "Publishing".
    init(_ status: natsStatus, while action: String) {
        switch status {
        case NATS_CONNECTION_CLOSED, NATS_DRAINING:
            self = .closed
        case NATS_CONNECTION_DISCONNECTED, NATS_INSUFFICIENT_BUFFER, NATS_NO_SERVER, NATS_NOT_YET_CONNECTED, NATS_STALE_CONNECTION,
            NATS_IO_ERROR:
            self = .disconnected
        case NATS_TIMEOUT:
            self = .timeout
        case NATS_NO_RESPONDERS:
            self = NATSError(.noResponders, "Nobody answers on this subject.")
        case NATS_CONNECTION_AUTH_FAILED:
            self = NATSError(
                .authenticationFailed,
                "NATS refused the credentials. Check the user, password, token, NKey or credentials file."
            )
        case NATS_SSL_ERROR, NATS_SECURE_CONNECTION_WANTED, NATS_SECURE_CONNECTION_REQUIRED:
            self = NATSError(
                .tlsFailed,
                "TLS with NATS failed (\(Self.detail(status))). Check the CA file, the certificate and key, and the host name."
            )
        case NATS_NOT_PERMITTED:
            self = NATSError(.notPermitted, "NATS does not permit this user the subject.")
        case NATS_INVALID_SUBJECT, NATS_INVALID_QUEUE_NAME:
            self = NATSError(.invalidSubject, "\(action) failed: the subject or the queue name is not valid.")
        case NATS_MAX_PAYLOAD:
            self = NATSError(.payloadTooLarge, "The message is larger than the server's max_payload. Send less, or raise it.")
        default:
            self = NATSError(.libraryFailure, "\(action) failed: \(Self.detail(status)).")
        }
    }

    /// nats.c's text for its last failure on this thread, with URLs redacted.
    private static func detail(_ status: natsStatus) -> String {
        var last = NATS_OK
        if let text = nats_GetLastError(&last), last == status {
            return ServerURL.redacted(String(cString: text))
        }
        return String(cString: natsStatus_GetText(status))
    }
}
