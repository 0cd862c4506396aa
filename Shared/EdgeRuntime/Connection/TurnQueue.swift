import Basics
import DequeModule

/// A queue with round-robin over tenants, in order of arrival within one. However many elements one tenant has queued, an
/// element of another tenant waits for at most one of them before its tenant's turn. A value.
struct TurnQueue<Element> {
    private var waiting: [Tenant: Deque<Element>] = [:]
    /// The tenants with elements, in the order of their turns.
    private var tenants: Deque<Tenant> = []
    private(set) var count = 0

    var isEmpty: Bool { self.count == 0 }

    mutating func append(_ element: Element, of tenant: Tenant) {
        if self.waiting[tenant] == nil { self.tenants.append(tenant) }
        self.waiting[tenant, default: []].append(element)
        self.count += 1
    }

    /// Removes the next element. Skips tenants that `isAdmitted` refuses, and keeps their order; nil when no element is left.
    mutating func popFirst(where isAdmitted: (Tenant) -> Bool = { _ in true }) -> Element? {
        for _ in 0..<self.tenants.count {
            guard let tenant = self.tenants.popFirst() else { return nil }
            guard isAdmitted(tenant), let element = self.waiting[tenant]?.popFirst() else {
                self.tenants.append(tenant)
                continue
            }
            self.count -= 1
            if self.waiting[tenant]?.isEmpty == true { self.waiting[tenant] = nil } else { self.tenants.append(tenant) }
            return element
        }
        return nil
    }
}
