import AccessControl
import Basics

/// The principal of a connection's commands. Taken from the token, never from the client's messages.
struct CommandCaller: Hashable, Sendable {
    /// The tenant of the token.
    var tenant: Tenant
    /// The token's `sub`.
    var user: UserID
    /// The user's roles: `admin`, `member`. Services authorise by them; the relay only requires one of them.
    var roles: Set<Role>
    /// The trace of the connection's handshake, if any (W3C Trace Context).
    var traceparent: String?

    /// Creates a caller.
    init(tenant: Tenant, user: UserID, roles: Set<Role> = [], traceparent: String? = nil) {
        self.tenant = tenant
        self.user = user
        self.roles = roles
        self.traceparent = traceparent
    }
}
