public import HTTPAPI

extension Settings {
    /// The pages that may use the service: those of the deployment itself, and those that `cors.origins` names.
    ///
    /// - Throws: ``ConfigurationError`` for an entry that is not an origin.
    public func originPolicy() throws(ConfigurationError) -> OriginPolicy {
        do throws(OriginPolicy.InvalidOrigin) {
            return try OriginPolicy(allowed: list(.corsOrigins))
        } catch {
            throw .configuration("\(ConfigurationKey.corsOrigins.environmentName): \(error.description)")
        }
    }
}
