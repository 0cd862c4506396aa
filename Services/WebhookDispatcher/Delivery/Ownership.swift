import Basics
import Webhooks

/// Where the dispatcher learns which processes are alive. Injected, so that tests hand over endpoints at will.
struct MembershipSource: Sendable {
    /// This process.
    let me: MemberID
    /// Returns the view at the time of the call. Any thread.
    let view: @Sendable () -> MembershipView
    /// Returns the current view and each later one.
    let changes: @Sendable () -> AsyncStream<MembershipView>

    /// Creates a source from its functions.
    init(me: MemberID, view: @escaping @Sendable () -> MembershipView, changes: @escaping @Sendable () -> AsyncStream<MembershipView>) {
        self.me = me
        self.view = view
        self.changes = changes
    }

    /// The processes that report on the bus.
    init(_ membership: Membership) {
        self.init(me: membership.me, view: { membership.view }, changes: { membership.changes() })
    }
}

/// What this process does about an endpoint (contract §14): the members choose its owner, and the record's `owner` is the fence.
enum OwnershipStep: Hashable {
    /// Nothing: another process drives it, or nothing is to be done.
    case leave
    /// Store this process as its owner, and then drive it.
    case claim
    /// Drive it: the record names this process.
    case drive
    /// Another process stored itself: stop at once. What this one would still write loses its comparison.
    case drop
    /// The members chose another process: start nothing, store the cursor, and let it go.
    case handOver

    /// Decides.
    ///
    /// - Parameters:
    ///   - isChosen: whether the members that are alive choose this process.
    ///   - isOwner: whether the record names it.
    ///   - isDriving: whether this process drives the endpoint.
    ///   - hasWork: whether there is something to send.
    static func decide(isChosen: Bool, isOwner: Bool, isDriving: Bool, hasWork: Bool) -> OwnershipStep {
        switch (isDriving, isOwner, isChosen) {
        case (true, false, _): .drop
        case (true, true, true): .drive
        case (true, true, false): .handOver
        case (false, _, true): hasWork ? .claim : .leave
        case (false, _, false): .leave
        }
    }
}
