import AccessControl
import Basics
import ServiceKit

extension Settings {
    /// Builds the configuration of accepted security events from the `security.events.` keys; nil when all of them are unset.
    ///
    /// - Throws: ``ConfigurationError`` for a part of them, and for an invalid tenant.
    func securityEventConfiguration() throws(ConfigurationError) -> SecurityEventConfiguration? {
        let set = ApprovalProcess.securityEventKeys.filter { source(of: $0) != .unset }
        guard let first = set.first else { return nil }
        var tokens = AccessControlConfiguration()
        tokens.issuer = self[.securityEventsIssuer]
        tokens.audience = self[.securityEventsAudience]
        tokens.publicKeyFile = self[.securityEventsPublicKeyFile]
        tokens.jwksFile = self[.securityEventsJWKSFile]
        tokens.jwksURL = self[.securityEventsJWKSURL]
        tokens.tenantClaims = self[.authTenantClaims]
        for (key, value) in [(AnyConfigurationKey.securityEventsIssuer, tokens.issuer), (.securityEventsAudience, tokens.audience)]
        where value?.isEmpty ?? true {
            throw .configuration("\(first.environmentName) is set without \(key.environmentName): set both, or none of SECURITY_EVENTS_…")
        }
        guard tokens.hasKeySource else {
            let sources: [AnyConfigurationKey] = [.securityEventsPublicKeyFile, .securityEventsJWKSFile, .securityEventsJWKSURL]
            throw .configuration(
                "there is no key to check security events with: set one of \(sources.map(\.environmentName).joined(separator: ", "))"
            )
        }
        var configuration = SecurityEventConfiguration(
            tokens: tokens,
            userIssuers: [self[.authIssuer]].compactMap(\.self),
            maximumTokenLife: self[.authMaxTokenLife]
        )
        configuration.bearerToken = self[.securityEventsBearerToken]
        do throws(ValidationError) {
            configuration.tenant = try self[.securityEventsTenant].map { name throws(ValidationError) in
                try Tenant(name, field: AnyConfigurationKey.securityEventsTenant.environmentName)
            }
        } catch {
            throw .configuration("\(error.field) \(error.message)")
        }
        return configuration
    }
}

extension ServiceMain {
    /// Creates the verifier of security events; nil where they are not configured. Its key files are reloaded on change.
    ///
    /// - Throws: ``ConfigurationError`` and `AccessControlError`, for settings that are incomplete and keys that cannot be used.
    func securityEventVerifier() async throws -> SecurityEventVerifier? {
        guard let configuration = try settings.securityEventConfiguration() else { return nil }
        let files = FileStates(configuration.tokens.files)
        let verifier = try await SecurityEventVerifier(configuration: configuration, logger: logger)
        if !files.isEmpty { reloads.add("security event keys in files", files: files) { try verifier.reload() } }
        if configuration.tokens.jwksURL != nil { reloads.add("security event keys behind a URL") { try await verifier.refresh() } }
        return verifier
    }

    /// Adds the metrics of security events, which stay 0 where they are not configured.
    func observe(_ counts: SecurityEventCounts, _ verifier: SecurityEventVerifier?) {
        metrics.addCollector { exposition in
            for (outcome, count) in [("revoked", counts.revoking), ("ignored", counts.ignored)] {
                exposition.counter(
                    "causeway_security_events_total",
                    help: "Events of accepted security event tokens, by what they did.",
                    count,
                    labels: [("outcome", outcome)]
                )
            }
            let refusals = verifier?.refusalsByCode ?? [:]
            for code in SecurityEventError.Code.allCases {
                exposition.counter(
                    "causeway_security_event_tokens_refused_total",
                    help: "Security event tokens refused, by error code.",
                    refusals[code] ?? 0,
                    labels: [("err", code.rawValue)]
                )
            }
        }
    }
}
