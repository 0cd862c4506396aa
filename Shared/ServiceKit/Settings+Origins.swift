public import HTTPAPI

extension Settings {
    /// Builds the origin policy: the deployment's own pages, and the origins in `cors.origins`.
    ///
    /// - Throws: ``ConfigurationError`` for an entry that is not an origin.
    public func originPolicy() throws(ConfigurationError) -> OriginPolicy {
        do throws(OriginPolicy.InvalidOrigin) {
            return try OriginPolicy(allowed: self[.corsOrigins])
        } catch {
            throw .configuration("\(AnyConfigurationKey.corsOrigins.environmentName): \(error.description)")
        }
    }
}
