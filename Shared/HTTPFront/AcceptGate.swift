package import Basics
import HummingbirdCore

/// Pauses accepting while connections that were accepted are still to be looked at, or to be closed, beyond ``DescriptorBudget/slack``.
package struct AcceptGate: AvailableConnectionsDelegate {
    private let budget: DescriptorBudget
    /// Connections that the listener has accepted and not closed; streams have left it.
    private var accepted = 0

    package init(_ budget: DescriptorBudget) {
        self.budget = budget
    }

    package mutating func connectionOpened() { accepted += 1 }

    package mutating func connectionClosed() { accepted -= 1 }

    package func isAcceptingNewConnections() -> Bool {
        accepted + budget.use.streams < budget.limit + DescriptorBudget.slack
    }
}
