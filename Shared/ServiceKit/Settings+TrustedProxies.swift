public import Basics

extension Settings {
    /// Builds the proxies that are trusted about a request's client, from `trusted.proxies`.
    ///
    /// - Throws: ``ConfigurationError`` for an entry that is not a network.
    public func trustedProxies() throws(ConfigurationError) -> TrustedProxies {
        do throws(ValidationError) {
            return try TrustedProxies(self[.trustedProxies])
        } catch {
            throw .configuration(error.description)
        }
    }
}
