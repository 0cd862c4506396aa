import Basics
import EventModel
import Synchronization

/// An admission: the place of one open stream of a tenant. Taken by ``Edge/admit(tenant:)`` and released on deinit, so that no path
/// can leak it or release it twice. The connection holds it until the end of the stream. Any thread.
public struct Admission: ~Copyable, Sendable {
    private let tenant: Tenant
    private let admissions: Admissions

    fileprivate init(of tenant: Tenant, in admissions: Admissions) {
        self.tenant = tenant
        self.admissions = admissions
    }

    deinit { self.admissions.release(self.tenant) }
}

/// An admission, or the reason of a refusal.
public enum AdmissionAnswer: ~Copyable, Sendable {
    case admitted(Admission)
    /// The stream is refused with this ending.
    case refused(Ending)

    /// The reason of the refusal; nil for an admission.
    var refusal: Ending? {
        switch self {
        case .admitted: nil
        case .refused(let ending): ending
        }
    }

    /// The admission; nil for a refusal.
    consuming func place() -> Admission? {
        switch consume self {
        case .admitted(let admission): admission
        case .refused: nil
        }
    }
}

/// Counts open streams against the limits. Any thread.
final class Admissions: Sendable {
    private struct State {
        var isClosed = false
        var count = 0
        var tenants: [Tenant: Int] = [:]
    }

    private let state = Mutex(State())
    private let total: Int
    private let perTenant: Int

    /// A limit of 0 means no limit.
    init(total: Int, perTenant: Int) {
        self.total = total
        self.perTenant = perTenant
    }

    /// Takes a place, or refuses.
    func admit(_ tenant: Tenant) -> AdmissionAnswer {
        let refusal = self.state.withLock { state -> Ending? in
            if state.isClosed { return .draining }
            if self.total > 0, state.count >= self.total { return .overloaded }
            if self.perTenant > 0, state.tenants[tenant, default: 0] >= self.perTenant { return .limit }
            state.count += 1
            state.tenants[tenant, default: 0] += 1
            return nil
        }
        if let refusal { return .refused(refusal) }
        return .admitted(Admission(of: tenant, in: self))
    }

    fileprivate func release(_ tenant: Tenant) {
        self.state.withLock { state in
            state.count -= 1
            let left = (state.tenants[tenant] ?? 1) - 1
            state.tenants[tenant] = left > 0 ? left : nil
        }
    }

    /// The number of places taken.
    var count: Int { self.state.withLock { $0.count } }

    /// The number of places that a tenant has taken.
    func count(of tenant: Tenant) -> Int { self.state.withLock { $0.tenants[tenant] ?? 0 } }

    /// The tenants with the most places, at most `count`, the largest first; equal ones sorted by name.
    func largest(_ count: Int) -> [(tenant: Tenant, connections: Int)] {
        let tenants = self.state.withLock { $0.tenants }
        return tenants.sorted { ($1.value, $0.key.text) < ($0.value, $1.key.text) }.prefix(count).map { ($0.key, $0.value) }
    }

    /// Whether ``close()`` was called.
    var isClosed: Bool { self.state.withLock { $0.isClosed } }

    /// Refuses all later streams.
    func close() { self.state.withLock { $0.isClosed = true } }
}
