public import NATSClient

extension Settings {
    /// Builds the bus's configuration from the `nats.` keys.
    ///
    /// - Parameter name: The client name in the server's monitoring.
    /// - Throws: ``ConfigurationError`` without a server, with two kinds of credentials, or with incomplete ones.
    public func natsConfiguration(name: String) throws(ConfigurationError) -> NATSConfiguration {
        let servers = self[.natsURL]
        guard !servers.isEmpty else {
            throw .configuration(
                "\(AnyConfigurationKey.natsURL.environmentName) names no server: set it to nats://host:port, or to several with commas"
            )
        }
        return NATSConfiguration(
            servers: servers,
            name: name,
            authentication: try natsAuthentication(),
            tls: try natsTLS(),
            // Publishes, requests and answers to flow control all have somebody waiting for them.
            sendAsap: true
        )
    }

    private func natsAuthentication() throws(ConfigurationError) -> NATSConfiguration.Authentication {
        let user = self[.natsUser]
        let password = self[.natsPassword]
        let credentials = self[.natsCredentialsFile]
        let seed = self[.natsNKeySeedFile]
        let ways: [AnyConfigurationKey] = [
            credentials.map { _ in .natsCredentialsFile }, seed.map { _ in .natsNKeySeedFile },
            user.map { _ in .natsUser } ?? password.map { _ in .natsPassword },
        ].compactMap(\.self)
        guard ways.count <= 1 else {
            let names = ways.map(\.environmentName).joined(separator: " and ")
            throw .configuration("\(names) are set together: choose one way to authenticate at the NATS servers")
        }
        if let credentials { return .credentialsFile(credentials) }
        if let seed { return .nkeySeedFile(seed) }
        switch (user, password) {
        case (let user?, let password?):
            if case .secretFile(let path, _) = source(of: .natsPassword) { return .userPasswordFile(user: user, file: path) }
            return .userPassword(user: user, password: password)
        case (nil, nil): return .none
        case (_?, nil): throw Self.halfSet(.natsUser, without: .natsPassword)
        case (nil, _?): throw Self.halfSet(.natsPassword, without: .natsUser)
        }
    }

    private func natsTLS() throws(ConfigurationError) -> NATSConfiguration.TLS? {
        let authorities = self[.natsTLSCAFile]
        let certificate = self[.natsTLSCertificateFile]
        let key = self[.natsTLSKeyFile]
        switch (certificate, key) {
        case (_?, nil): throw Self.halfSet(.natsTLSCertificateFile, without: .natsTLSKeyFile)
        case (nil, _?): throw Self.halfSet(.natsTLSKeyFile, without: .natsTLSCertificateFile)
        case (nil, nil) where authorities == nil: return nil
        case (nil, nil), (_?, _?): return NATSConfiguration.TLS(caFile: authorities, certificateFile: certificate, keyFile: key)
        }
    }

    private static func halfSet(_ key: AnyConfigurationKey, without other: AnyConfigurationKey) -> ConfigurationError {
        .configuration("\(key.environmentName) is set without \(other.environmentName): set both or neither")
    }
}
