import Basics
import CNATS
import Glibc

/// Builds nats.c options from a configuration. Owned by the creating thread; destroyed with the value.
struct CNATSOptions: ~Copyable {
    let raw: OpaquePointer
    /// See ``NATSConfiguration/isPolled``.
    let isPolled: Bool

    deinit {
        natsOptions_Destroy(raw)
    }

    /// Creates options with nats.c's defaults.
    private init(isPolled: Bool) throws(NATSError) {
        var created: OpaquePointer?
        let status = natsOptions_Create(&created)
        guard status == NATS_OK, let created else { throw NATSError(status, while: "Setting up the connection") }
        raw = created
        self.isPolled = isPolled
    }

    /// Translates a configuration. Reads files, so do not call it on the cooperative pool.
    static func make(_ configuration: NATSConfiguration) throws(NATSError) -> CNATSOptions {
        guard NATSLibrary.isOpen else {
            throw NATSError(.libraryFailure, "nats.c could not be set up. Link version 3.4, and give the process more memory.")
        }
        let options = try CNATSOptions(isPolled: configuration.isPolled)
        try options.setServers(configuration)
        try options.setTimes(configuration)
        try options.setDelivery(configuration)
        if configuration.isPolled { try options.setPolling(configuration) }
        try options.setAuthentication(configuration.authentication)
        try options.setTLS(configuration)
        return options
    }

    /// Throws nats.c's error for an option.
    func check(_ status: natsStatus, _ option: String) throws(NATSError) {
        guard status != NATS_OK else { return }
        let reason = NATSError(status, while: "Setting \(option)").message
        throw NATSError(.invalidConfiguration, "The NATS configuration cannot be used: \(option). \(reason)")
    }

    private func setServers(_ configuration: NATSConfiguration) throws(NATSError) {
        guard !configuration.servers.isEmpty else {
            throw NATSError(.invalidConfiguration, "Name at least one NATS server, for example nats://127.0.0.1:4222.")
        }
        guard !configuration.servers.contains(where: { $0.utf8.contains(0) }) else {
            throw NATSError(.invalidConfiguration, "A NATS URL must not hold NUL.")
        }
        let status = withCStrings(configuration.servers) { servers, count in natsOptions_SetServers(raw, servers, count) }
        try check(status, "the server list (\(configuration.servers.map(ServerURL.redacted).joined(separator: ", ")))")
        try check(natsOptions_SetName(raw, configuration.name), "the name")
    }

    private func setTimes(_ configuration: NATSConfiguration) throws(NATSError) {
        try check(natsOptions_SetTimeout(raw, configuration.connectTimeout.libraryMilliseconds), "the connect timeout")
        try check(natsOptions_SetAllowReconnect(raw, configuration.reconnects), "reconnecting")
        try check(natsOptions_SetMaxReconnect(raw, -1), "the number of reconnects")
        try check(natsOptions_SetReconnectWait(raw, configuration.reconnectWait.libraryMilliseconds), "the reconnect wait")
        let jitter = configuration.reconnectJitter.libraryMilliseconds
        try check(natsOptions_SetReconnectJitter(raw, jitter, jitter), "the reconnect jitter")
        try check(natsOptions_SetPingInterval(raw, configuration.pingInterval.libraryMilliseconds), "the ping interval")
        try check(natsOptions_SetMaxPingsOut(raw, Int32(clamping: configuration.maxPingsOutstanding)), "the number of unanswered pings")
        // Without a deadline, a write to a server that stopped reading blocks for ever with the connection's mutex held. The ping timer waits for
        // that mutex, so no connection of the process would detect a dead server.
        try check(natsOptions_SetWriteDeadline(raw, configuration.writeDeadline.libraryMilliseconds), "the write deadline")
    }

    private func setDelivery(_ configuration: NATSConfiguration) throws(NATSError) {
        try check(natsOptions_SetSendAsap(raw, configuration.sendAsap), "sending at once")
        try check(natsOptions_UseGlobalMessageDelivery(raw, true), "shared delivery threads")
        // A publish without a connection must fail at once instead of waiting in nats.c's 8 MiB reconnect buffer. 1 byte is the minimum (0 means
        // the default); the connection's state is checked before the publish.
        try check(natsOptions_SetReconnectBufSize(raw, 1), "the reconnect buffer")
    }

    /// All that uses the socket happens on the ``PollingThread``: no thread of nats.c flushes, pings or reconnects.
    private func setPolling(_ configuration: NATSConfiguration) throws(NATSError) {
        guard !configuration.reconnects, !configuration.needsTLS else {
            throw NATSError(.invalidConfiguration, "A polled connection neither reconnects nor has TLS.")
        }
        try check(natsOptions_SetSendAsap(raw, true), "sending at once")
        try check(natsOptions_SetPingInterval(raw, 0), "no pings")
    }

    private func setAuthentication(_ authentication: NATSConfiguration.Authentication) throws(NATSError) {
        switch authentication {
        case .none:
            return
        case .userPassword(let user, let password):
            try check(natsOptions_SetUserInfo(raw, user, password), "the user")
        case .userPasswordFile(let user, let path):
            guard let password = SecretFile.read(path) else {
                throw NATSError(
                    .invalidConfiguration,
                    "The password file \(path) cannot be read, or holds no password. Check the path, its permissions and its content."
                )
            }
            try check(natsOptions_SetUserInfo(raw, user, password), "the user")
        case .token(let token):
            try check(natsOptions_SetToken(raw, token), "the token")
        case .credentialsFile(let path):
            // nats.c opens the file when it connects; report errors now.
            guard access(path, R_OK) == 0 else {
                throw NATSError(.invalidConfiguration, "The credentials file \(path) cannot be read. Check the path and its permissions.")
            }
            try check(natsOptions_SetUserCredentialsFromFiles(raw, path, nil), "the credentials file \(path)")
        case .nkeySeedFile(let path):
            try check(natsOptions_SetNKeyFromSeed(raw, try NKey.publicKey(seedFile: path), path), "the NKey seed file \(path)")
        }
    }

    private func setTLS(_ configuration: NATSConfiguration) throws(NATSError) {
        guard configuration.needsTLS else { return }
        try check(natsOptions_SetSecure(raw, true), "TLS")
        guard let tls = configuration.tls else { return }
        if let caFile = tls.caFile {
            try check(natsOptions_LoadCATrustedCertificates(raw, caFile), "the CA file \(caFile)")
        }
        switch (tls.certificateFile, tls.keyFile) {
        case (nil, nil): break
        case (let certificate?, let key?):
            try check(natsOptions_LoadCertificatesChain(raw, certificate, key), "the client certificate \(certificate) with the key \(key)")
        default:
            throw NATSError(.invalidConfiguration, "A client certificate needs its key file and the other way round. Name both or neither.")
        }
        if let name = tls.expectedHostname {
            try check(natsOptions_SetExpectedHostname(raw, name), "the expected host name")
        }
    }
}

/// Calls `body` with the strings as C strings, which are valid only during the call.
private func withCStrings<Result>(_ strings: [String], _ body: (UnsafeMutablePointer<UnsafePointer<CChar>?>?, Int32) -> Result) -> Result {
    let copies = strings.map { strdup($0) }
    defer { copies.forEach { free($0) } }
    var pointers = copies.map { UnsafePointer($0) }
    return pointers.withUnsafeMutableBufferPointer { body($0.baseAddress, Int32($0.count)) }
}
