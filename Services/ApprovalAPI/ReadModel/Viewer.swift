import AccessControl
import Basics
import GRDB

/// Who asks, as far as it decides what they may see (contract §2, §12).
///
/// The one home of the rule "an event with a user exists for that user alone; one without exists for everybody in its tenant", for approvals,
/// notifications and their counts. A row keeps an empty `user` where its event has none, which no ``UserID`` can be. Whatever is not visible
/// is not found: it cannot be told apart from what does not exist.
struct Viewer: Sendable, Hashable {
    var tenant: Tenant
    var user: UserID

    init(tenant: Tenant, user: UserID) {
        self.tenant = tenant
        self.user = user
    }

    /// The bearer of a token.
    init(_ principal: Principal) {
        self.init(tenant: principal.tenant, user: principal.user)
    }
}

extension Viewer {
    /// What the column `user` holds for a row that everybody in the tenant sees.
    static let everyone = ""

    /// What the column `user` holds for a row that is for `user`, or for everybody when that is nil.
    static func audience(of user: UserID?) -> String { user?.text ?? everyone }

    /// Whom the column `user` names; nil for everybody.
    static func user(ofAudience text: String) -> UserID? { try? UserID(text) }

    /// The condition under which the viewer sees a row of `table`, with ``arguments``.
    static func sees(_ table: String) -> String { "\(table).tenant = :tenant AND \(table).user IN ('\(everyone)', :user)" }

    /// A subquery of the rows of `table` that the viewer sees, newest first, with ``arguments``, `before` and `limit`.
    ///
    /// What is for everyone and what is for the user are two runs of the index; each is read newest first, so neither the length of the list
    /// nor what others have in theirs costs anything.
    ///
    /// - Parameter filter: a further condition; the table is `n` in it.
    static func newest(of table: String, where filter: String) -> String {
        func run(_ audience: String) -> String {
            """
            SELECT * FROM (
                SELECT * FROM \(table) n WHERE n.tenant = :tenant AND n.user = \(audience) AND n.sequence < :before AND \(filter)
                ORDER BY n.sequence DESC LIMIT :limit)
            """
        }
        return "(\(run("'\(everyone)'")) UNION ALL \(run(":user")))"
    }

    /// The values of `:tenant` and `:user`.
    var arguments: StatementArguments { ["tenant": tenant.text, "user": user.text] }
}
