import AccessControl
import Basics
import GRDB

/// The user of a request, and the visibility rule (contract §2, §12).
///
/// The only implementation of "an event with a user is visible to that user only, one without to everyone in its tenant", for approvals, notifications
/// and counts. A row for everyone has an empty `user`, which is not a valid ``UserID``. An invisible row is reported as absent.
struct Viewer: Sendable, Hashable {
    var tenant: Tenant
    var user: UserID

    init(tenant: Tenant, user: UserID) {
        self.tenant = tenant
        self.user = user
    }

    /// Creates the viewer of a token.
    init(_ principal: Principal) {
        self.init(tenant: principal.tenant, user: principal.user)
    }
}

extension Viewer {
    /// The value of the column `user` in rows for everyone.
    static let everyone = ""

    /// Returns the value of the column `user` in rows for `user`, or for everyone when nil.
    static func audience(of user: UserID?) -> String { user?.text ?? everyone }

    /// Returns the user of the column `user`; nil for everyone.
    static func user(ofAudience text: String) -> UserID? { try? UserID(text) }

    /// The condition under which the viewer sees a row of `table`, with ``arguments``.
    static func sees(_ table: String) -> String { "\(table).tenant = :tenant AND \(table).user IN ('\(everyone)', :user)" }

    /// The values of `:tenant` and `:user`.
    var arguments: StatementArguments { ["tenant": tenant.text, "user": user.text] }
}
