public import AccessControl

extension Settings {
    /// Builds the token configuration from the `auth.` keys.
    ///
    /// - Throws: ``ConfigurationError`` without a key source, a tenant claim or a claim for roles, and for a previous secret without a
    ///   current one.
    public func accessControlConfiguration() throws(ConfigurationError) -> AccessControlConfiguration {
        var configuration = AccessControlConfiguration()
        if case .secretFile(let path, _) = source(of: .authHS256Secret) {
            configuration.hs256SecretFile = path
        } else {
            configuration.hs256Secret = self[.authHS256Secret]
        }
        if case .secretFile(let path, _) = source(of: .authHS256SecretPrevious) {
            configuration.hs256PreviousSecretFile = path
        } else {
            configuration.hs256PreviousSecret = self[.authHS256SecretPrevious]
        }
        configuration.publicKeyFile = self[.authPublicKeyFile]
        configuration.jwksFile = self[.authJWKSFile]
        configuration.jwksURL = self[.authJWKSURL]
        configuration.issuer = self[.authIssuer]
        configuration.audience = self[.authAudience]
        configuration.tenantClaims = self[.authTenantClaims]
        configuration.roleClaims = self[.authRoleClaims]
        configuration.maximumTokenBytes = self[.authMaxTokenBytes]
        guard configuration.hasKeySource else {
            let sources: [AnyConfigurationKey] = [.authHS256Secret, .authPublicKeyFile, .authJWKSFile, .authJWKSURL]
            let names = sources.map(\.environmentName)
            throw .configuration(
                "there is no key to check tokens with: set \(names.dropLast().joined(separator: ", ")) or \(names[names.count - 1])"
            )
        }
        guard self[.authHS256SecretPrevious] == nil || self[.authHS256Secret] != nil else {
            throw .configuration(
                "\(AnyConfigurationKey.authHS256SecretPrevious.environmentName) is set without "
                    + "\(AnyConfigurationKey.authHS256Secret.environmentName): set both, or the latter alone"
            )
        }
        for (key, names) in [
            (AnyConfigurationKey.authTenantClaims, configuration.tenantClaims),
            (AnyConfigurationKey.authRoleClaims, configuration.roleClaims),
        ] where names.isEmpty {
            throw .configuration("\(key.environmentName) names no claim: set it to one or more, with commas")
        }
        return configuration
    }
}
