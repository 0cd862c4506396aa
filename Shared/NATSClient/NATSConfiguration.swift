/// How to reach a NATS system, who to be there, and how to behave when it is away.
///
/// The description is safe to log: it shows neither a password, a token nor the user part of a URL.
public struct NATSConfiguration: Sendable {
    /// Who the connection is.
    public enum Authentication: Sendable {
        /// Nobody; or whoever the user part of the server's URL names.
        case none
        /// A user and a password.
        case userPassword(user: String, password: String)
        /// A user, and a file with the password. Read again whenever the server refuses what it held, so that it may be replaced.
        case userPasswordFile(user: String, file: String)
        /// A token that all clients share.
        case token(String)
        /// A `.creds` file: a user JWT and the seed that signs for it. Read again at every connect, so that it may be replaced.
        case credentialsFile(String)
        /// A file with an NKey user seed (a line that begins with `SU`). Read again as a password file is.
        case nkeySeedFile(String)
    }

    /// How the connection is encrypted, and how the two sides know each other.
    public struct TLS: Hashable, Sendable {
        /// PEM file of the authorities that may have signed the server's certificate; nil for those of the system.
        public var caFile: String?
        /// PEM file of the client's certificate chain, where the server asks for one. Goes with ``keyFile``.
        public var certificateFile: String?
        /// PEM file of the client's private key, not encrypted.
        public var keyFile: String?
        /// The name that the server's certificate must be for; nil for the host of the URL.
        public var expectedHostname: String?

        /// Creates TLS settings.
        public init(caFile: String? = nil, certificateFile: String? = nil, keyFile: String? = nil, expectedHostname: String? = nil) {
            self.caFile = caFile
            self.certificateFile = certificateFile
            self.keyFile = keyFile
            self.expectedHostname = expectedHostname
        }
    }

    /// URLs of servers of one system, tried in random order: `nats://host:4222`, `tls://host:4222`.
    public var servers: [String]
    /// How the connection is called in the server's monitoring.
    public var name: String
    /// Who the connection is.
    public var authentication: Authentication
    /// Set to insist on TLS; nil leaves it to the URL's scheme.
    public var tls: TLS?
    /// Whether the connection looks for a server again after it lost one. One that does not is closed by the loss, and what was sent
    /// before it and did not arrive will not arrive later: for senders whose messages must not overtake each other.
    public var reconnects: Bool
    /// The pause between two rounds over the servers, as long as none answers. There is no limit to the number of rounds.
    public var reconnectWait: Duration
    /// Up to how much longer a pause is made at random, so that the clients of a restarted server do not come all at once.
    public var reconnectJitter: Duration
    /// The longest an attempt at one server takes, handshake included.
    public var connectTimeout: Duration
    /// How often an idle connection is tried. A server that stays silent over ``maxPingsOutstanding`` of them is given up.
    public var pingInterval: Duration
    /// How many pings may be unanswered.
    public var maxPingsOutstanding: Int
    /// The longest a publish waits for a server that does not read what it is sent.
    public var writeDeadline: Duration
    /// Whether a publish goes to the socket at once: an acknowledged publish takes some 0.06 ms instead of 0.6, and throughput falls.
    /// Otherwise the library gathers for up to a millisecond.
    public var sendAsap: Bool
    /// What the subjects begin with on which this connection receives its answers. A user may need the permission for it.
    public var inboxPrefix: String

    /// Creates a configuration; everything has a default.
    public init(
        servers: [String] = ["nats://127.0.0.1:4222"],
        name: String = "causeway",
        authentication: Authentication = .none,
        tls: TLS? = nil,
        reconnects: Bool = true,
        reconnectWait: Duration = .milliseconds(200),
        reconnectJitter: Duration = .milliseconds(100),
        connectTimeout: Duration = .seconds(2),
        pingInterval: Duration = .seconds(2),
        maxPingsOutstanding: Int = 2,
        writeDeadline: Duration = .seconds(2),
        sendAsap: Bool = false,
        inboxPrefix: String = "_INBOX"
    ) {
        self.servers = servers
        self.name = name
        self.authentication = authentication
        self.tls = tls
        self.reconnects = reconnects
        self.reconnectWait = reconnectWait
        self.reconnectJitter = reconnectJitter
        self.connectTimeout = connectTimeout
        self.pingInterval = pingInterval
        self.maxPingsOutstanding = maxPingsOutstanding
        self.writeDeadline = writeDeadline
        self.sendAsap = sendAsap
        self.inboxPrefix = inboxPrefix
    }
}

extension NATSConfiguration.Authentication: CustomStringConvertible, CustomReflectable {
    /// The form of the credentials and, for files, where they are; never the credentials.
    public var description: String {
        switch self {
        case .none: "none"
        case .userPassword: "user and password"
        case .userPasswordFile(_, let path): "user and password file \(path)"
        case .token: "token"
        case .credentialsFile(let path): "credentials file \(path)"
        case .nkeySeedFile(let path): "NKey seed file \(path)"
        }
    }

    /// Shows as much as ``description``, so that `dump` gives nothing away either.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension NATSConfiguration: CustomStringConvertible, CustomReflectable {
    /// The servers without the user part of their URLs, the name, and the form of the credentials.
    public var description: String {
        let servers = servers.map(ServerURL.redacted).joined(separator: ", ")
        return "NATS at \(servers) as \(name), authentication: \(authentication), TLS: \(tls == nil ? "as the URL says" : "required")"
    }

    /// Shows as much as ``description``, so that `dump` gives nothing away either.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
