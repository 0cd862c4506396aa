import Basics

/// On whose behalf a connection's commands are sent. It comes from the token, never from what the client says.
struct CommandCaller: Hashable, Sendable {
    /// The tenant of the token.
    var tenant: Tenant
    /// The token's `sub`.
    var user: UserID
    /// What the user may do: `admin`, `member`. A service judges by it; the relay has only seen to it that there is one of them.
    var roles: [String]
    /// The trace that the connection's handshake belongs to, if any (W3C Trace Context).
    var traceparent: String?

    /// Creates a caller.
    init(tenant: Tenant, user: UserID, roles: [String] = [], traceparent: String? = nil) {
        self.tenant = tenant
        self.user = user
        self.roles = roles
        self.traceparent = traceparent
    }
}
