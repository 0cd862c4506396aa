import Basics
import EventModel

/// Unsolicited notices of the relay (contract §6).
enum RelayNotice {
    /// The first text of a connection.
    ///
    /// - Parameters:
    ///   - connectionID: `conn_` and a ULID.
    ///   - tenant: the tenant of the token.
    ///   - time: now.
    static func connected(connectionID: String, tenant: Tenant, time: Timestamp) -> [UInt8] {
        RPCEncoding.notification(
            "connected",
            params: RPCEncoding.object(["connectionId": connectionID, "tenantId": tenant.text, "serverTime": time.iso8601])
        )
    }

    /// The answer to a `ping` notification.
    static let pong = RPCEncoding.notification("pong", params: Array("{}".utf8))
}
