/// Configures a NATS connection: servers, credentials, reconnects.
///
/// Safe to log: the description has no password, token or user part of a URL.
public struct NATSConfiguration: Sendable {
    /// The credentials of the connection.
    public enum Authentication: Sendable {
        /// None, or the user part of the server's URL.
        case none
        /// A user and a password.
        case userPassword(user: String, password: String)
        /// A user, and a password file. Reread when the server refuses the password, so the file may be replaced.
        case userPasswordFile(user: String, file: String)
        /// A token shared by all clients.
        case token(String)
        /// A `.creds` file: user JWT and seed. Reread at every connect, so it may be replaced.
        case credentialsFile(String)
        /// A file with an NKey user seed (a line that begins with `SU`). Reread like a password file.
        case nkeySeedFile(String)
    }

    /// TLS settings.
    public struct TLS: Hashable, Sendable {
        /// PEM file of the certificate authorities; nil for the system's.
        public var caFile: String?
        /// PEM file of the client's certificate chain, for mutual TLS. Needs ``keyFile``.
        public var certificateFile: String?
        /// PEM file of the client's private key, unencrypted.
        public var keyFile: String?
        /// The host name to verify in the server's certificate; nil for the URL's host.
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
    /// The client name in the server's monitoring.
    public var name: String
    /// The credentials of the connection.
    public var authentication: Authentication
    /// Requires TLS; nil leaves it to the URL's scheme.
    public var tls: TLS?
    /// Whether the connection reconnects after a loss. If not, the loss closes it, and undelivered messages are never sent later: for senders
    /// whose messages must stay in order.
    public var reconnects: Bool
    /// Pause between rounds over the servers while none answers. The number of rounds is unlimited.
    public var reconnectWait: Duration
    /// Maximum random addition to the pause; spreads the clients of a restarted server.
    public var reconnectJitter: Duration
    /// Maximum duration of one connection attempt, handshake included.
    public var connectTimeout: Duration
    /// Ping interval of an idle connection. After ``maxPingsOutstanding`` unanswered pings the server is given up.
    public var pingInterval: Duration
    /// Maximum number of unanswered pings.
    public var maxPingsOutstanding: Int
    /// Maximum time a publish blocks on a server that does not read.
    public var writeDeadline: Duration
    /// Whether a publish is written to the socket at once: an acknowledged publish takes 0.06 ms instead of 0.6, at lower throughput.
    /// Otherwise nats.c batches for up to a millisecond.
    public var sendAsap: Bool
    /// Whether one thread of the process reads and writes the connection, instead of nats.c's threads: messages published while it runs are
    /// written together, without a wait, and answers take one thread less. For connections without ``reconnects`` and TLS. Handlers run on that
    /// thread, and a lost server shows only by missing answers, because pings are not sent.
    public var isPolled: Bool
    /// Prefix of the subjects for answers. A user may need permission for it.
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
        isPolled: Bool = false,
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
        self.isPolled = isPolled
        self.inboxPrefix = inboxPrefix
    }
}

extension NATSConfiguration {
    /// Whether TLS is required, by ``tls`` or by the URL of a server.
    public var needsTLS: Bool { tls != nil || servers.contains { $0.lowercased().hasPrefix("tls://") } }

    /// The paths of the files with credentials, certificates and keys, all of which may be replaced while a connection is open.
    public var files: [String] {
        let credentials: String? =
            switch authentication {
            case .none, .userPassword, .token: nil
            case .userPasswordFile(_, let path), .credentialsFile(let path), .nkeySeedFile(let path): path
            }
        return [credentials, tls?.caFile, tls?.certificateFile, tls?.keyFile].compactMap(\.self)
    }
}

extension NATSConfiguration.Authentication: CustomStringConvertible, CustomReflectable {
    /// The kind of credentials and, for files, their paths; never the credentials.
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

    /// Same content as ``description``: hides secrets from `dump`.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension NATSConfiguration: CustomStringConvertible, CustomReflectable {
    /// The servers without the user part of their URLs, the name, and the kind of credentials.
    public var description: String {
        let servers = servers.map(ServerURL.redacted).joined(separator: ", ")
        return "NATS at \(servers) as \(name), authentication: \(authentication), TLS: \(tls == nil ? "as the URL says" : "required")"
    }

    /// Same content as ``description``: hides secrets from `dump`.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
