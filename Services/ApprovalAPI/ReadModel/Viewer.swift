import AccessControl
import Basics
import EventModel
import GRDB

/// The user of a request, and the rule of visibility as SQL (contract §2, §12).
///
/// Lists and counts of approvals and notifications have a row for each of an event's ``Recipients``: its column `user` has the recipient,
/// or is empty, which is not a valid ``UserID``, in the one row of an event for everyone. A viewer sees at most one row of an event. An
/// invisible row is reported as absent.
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

    /// Returns the values of the column `user` in the rows of an event or approval: one row for each.
    static func audiences(of recipients: Recipients) -> [String] { recipients.areEveryone ? [everyone] : recipients.users.map(\.text) }

    /// The values of the column `user` in rows that the viewer sees, as SQL, with ``arguments``. Each is one scan of an index.
    static let audiences = ["'\(everyone)'", ":user"]

    /// The condition under which the viewer sees a row of `table`, with ``arguments``.
    static func sees(_ table: String) -> String {
        "\(table).tenant = :tenant AND \(table).user IN (\(audiences.joined(separator: ", ")))"
    }

    /// The values of `:tenant` and `:user`.
    var arguments: StatementArguments { ["tenant": tenant.text, "user": user.text] }
}
