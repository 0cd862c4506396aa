package import Basics
import HummingbirdCore

/// Pauses accepting when connections and streams exceed the limit of the ``DescriptorBudget`` by ``DescriptorBudget/slack``: at most that
/// many connections wait for a place, or to be closed.
package struct AcceptGate: AvailableConnectionsDelegate {
    private let budget: DescriptorBudget
    /// Number of accepted connections that are not closed. Streams have left the listener and are not counted.
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
