/// Configures a ``WebhookSender``.
public struct WebhookSenderConfiguration: Sendable {
    /// Attempts that are under way at the same time, and connections that are kept between attempts.
    public struct Limits: Sendable, Hashable {
        /// Of the process. Each holds a message, at most some 256 KiB, and at most 64 KiB of the answer.
        public var attempts = 512
        /// Of one tenant.
        public var attemptsPerTenant = 64
        /// To one host and port.
        public var attemptsPerHost = 64
        /// Of one tenant to one host and port: those of others to the same host go on when all of these hang.
        public var attemptsPerTenantAndHost = 32
        /// Tests that administrators ask for, of the process. Deliveries leave these places free.
        public var tests = 64
        /// Tests of one tenant: a receiver that hangs holds its place for the whole time limit.
        public var testsPerTenant = 4
        /// Idle connections of the process.
        public var idleConnections = 512
        /// Idle connections to one address and port.
        public var idleConnectionsPerAddress = 64

        /// Creates the default limits.
        public init() {}
    }

    /// Which addresses are open.
    public var rules: AddressRules
    /// A PEM file of authorities to trust in addition to the machine's (`WEBHOOK_CA_FILE`).
    public var authoritiesFile: String?
    /// Time limit of an attempt: name, connection, TLS, request and the complete answer (contract §14).
    public var timeout: Duration = .seconds(15)
    /// How long an idle connection is kept.
    public var idleTimeout: Duration = .seconds(30)
    /// The bounds.
    public var limits = Limits()

    /// The part of an answer that is read, head and body (contract §14).
    public static let maximumAnswerBytes = 64 * 1024

    /// Creates a configuration.
    public init(rules: AddressRules, authoritiesFile: String? = nil) {
        self.rules = rules
        self.authoritiesFile = authoritiesFile
    }
}
