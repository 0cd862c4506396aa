public import AccessControl
public import NATSClient

// What every process is made of, together with what is read again while it runs.
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

    /// The bus, perhaps not there yet.
    ///
    /// - Throws: `NATSError`, for a configuration that cannot be used and credentials that are refused.
    public func connect(_ configuration: NATSConfiguration) async throws -> NATSConnection {
        let connection = try await NATSConnection.connect(configuration, logger: logger)
        observe(connection)
        return connection
    }

    /// Adds the metrics of a connection that lives as long as the process, and has what it is made with read again on SIGHUP. Credentials that a
    /// server refuses are read again without it.
    public func observe(_ connection: NATSConnection) {
        reloads.add("credentials and certificates of the bus") { connection.reload() }
        BusMetrics.observe(connection, in: metrics)
    }
}
