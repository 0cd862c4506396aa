public import AccessControl
public import NATSClient

// Common parts of every process, with their reloads.
extension ServiceMain {
    /// What checks tokens, as the `auth.` keys say. The process is not ready before keys were had from a JWKS URL, if there is one; its secret and key files are read again when they change, and on SIGHUP.
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
