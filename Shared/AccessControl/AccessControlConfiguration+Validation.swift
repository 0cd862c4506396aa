import Logging

extension AccessControlConfiguration {
    /// Maximum leeway; a larger one would defeat the check.
    private static let maximumLeeway = Duration.seconds(3600)
    /// Maximum refresh interval of the keys.
    private static let maximumRefreshInterval = Duration.seconds(86400)

    /// Throws for invalid or contradictory values, and for a key or a file that cannot be used. Reads the files; does not ask the JWKS URL.
    public func check() throws(AccessControlError) {
        _ = try KeySources(self, logger: Logger(label: "check") { _ in SwiftLogNoOpLogHandler() })
    }

    /// Throws for invalid or contradictory values, before any file is read.
    func validate() throws(AccessControlError) {
        guard hasKeySource else {
            throw AccessControlError("No key is configured: set a shared secret, a public key file, a JWKS file or a JWKS URL.")
        }
        guard hs256Secret != nil || hs256SecretFile != nil || hs256PreviousSecret == nil && hs256PreviousSecretFile == nil else {
            throw AccessControlError("A previous shared secret is configured without a current one: set both, or make it the current one.")
        }
        guard rsaAlgorithm.isRSA else {
            throw AccessControlError("RSA keys can be used for RS256 or PS256, not for \(rsaAlgorithm.rawValue).")
        }
        guard !tenantClaims.isEmpty, !tenantClaims.contains("") else {
            throw AccessControlError("The list of claims that name the tenant must have at least one name, and no empty one.")
        }
        guard !roleClaims.isEmpty, !roleClaims.contains("") else {
            throw AccessControlError("The list of claims that hold the roles must have at least one name, and no empty one.")
        }
        guard issuer != "", audience != "" else {
            throw AccessControlError("The issuer and the audience must not be empty: leave them out to accept any.")
        }
        guard [leeway, expiryLeeway].allSatisfy({ (Duration.zero...Self.maximumLeeway).contains($0) }) else {
            throw AccessControlError("The leeways for nbf, iat and exp must lie between 0 and \(Self.maximumLeeway).")
        }
        guard maximumTokenBytes > 0, keyRefresh.maximumBytes > 0 else {
            throw AccessControlError("The largest token and the largest JWKS document must have at least one byte.")
        }
        let durations = [keyRefresh.interval, keyRefresh.minimumInterval, keyRefresh.timeout]
        guard durations.allSatisfy({ (Duration.milliseconds(1)...Self.maximumRefreshInterval).contains($0) }) else {
            throw AccessControlError(
                "The intervals and the timeout of the JWKS URL must lie between 1 ms and \(Self.maximumRefreshInterval)."
            )
        }
    }
}
