public import AccessControl
public import NATSClient

// Common parts of every process, with their reloads.
extension ServiceMain {
    /// Creates the token verifier from the `auth.` keys. Not ready before the first fetch of a configured JWKS URL. Files are reloaded on change.
    ///
    /// - Throws: ``ConfigurationError`` and `AccessControlError`, for keys that are missing or cannot be used.
    public func authenticator() async throws -> Authenticator {
        let configuration = try settings.accessControlConfiguration()
        let authenticator = try await Authenticator(configuration: configuration, logger: logger)
        reloads.add("signature keys", files: configuration.files) { try await authenticator.reload() }
        if configuration.jwksURL != nil {
            readiness.observe("keys") { authenticator.keysAbsence().map { .notReady($0) } ?? .ready }
        }
        return authenticator
    }

    /// Connects to the bus, which may be unreachable yet.
    ///
    /// - Throws: `NATSError` for an invalid configuration and refused credentials.
    public func connect(_ configuration: NATSConfiguration) async throws -> NATSConnection {
        let connection = try await NATSConnection.connect(configuration, logger: logger)
        observe(connection)
        return connection
    }

    /// Adds a connection's metrics, and reloads its files on SIGHUP. Refused credentials are reread without that.
    public func observe(_ connection: NATSConnection) {
        reloads.add("credentials and certificates of the bus") { connection.reload() }
        BusMetrics.observe(connection, in: metrics)
    }
}
