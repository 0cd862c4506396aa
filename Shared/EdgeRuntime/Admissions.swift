import Basics
import EventModel
import Synchronization

/// An admission: the place of one open stream of a tenant. Taken by ``Edge/admit(tenant:)`` and released on deinit, so that no path
/// can leak it or release it twice. The connection holds it until the end of the stream. Any thread.
public struct Admission: ~Copyable, Sendable {
    private let places: TenantPlaces

    fileprivate init(_ places: TenantPlaces) { self.places = places }

    deinit { self.places.admissions.release(self.places.tenant) }
}

/// A tenant and its ``Admissions``, shared by all its admissions, so that each of these is one pointer.
private final class TenantPlaces: Sendable {
    let tenant: Tenant
    let admissions: Admissions

    init(of tenant: Tenant, in admissions: Admissions) {
        self.tenant = tenant
        self.admissions = admissions
    }
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
    private struct Refusal: Error {
        let ending: Ending
    }

    private struct State {
        var isClosed = false
        var count = 0
        var tenants: [Tenant: (count: Int, places: TenantPlaces)] = [:]
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
        let answer = self.state.withLock { state -> Result<TenantPlaces, Refusal> in
            if state.isClosed { return .failure(Refusal(ending: .draining)) }
            if self.total > 0, state.count >= self.total { return .failure(Refusal(ending: .overloaded)) }
            var taken = state.tenants[tenant] ?? (count: 0, places: TenantPlaces(of: tenant, in: self))
            if self.perTenant > 0, taken.count >= self.perTenant { return .failure(Refusal(ending: .limit)) }
            state.count += 1
            taken.count += 1
            state.tenants[tenant] = taken
            return .success(taken.places)
        }
        switch answer {
        case .success(let places): return .admitted(Admission(places))
        case .failure(let refusal): return .refused(refusal.ending)
        }
    }

    fileprivate func release(_ tenant: Tenant) {
        self.state.withLock { state in
            state.count -= 1
            let left = (state.tenants[tenant]?.count ?? 1) - 1
            if left > 0 { state.tenants[tenant]?.count = left } else { state.tenants[tenant] = nil }
        }
    }

    /// The number of places taken.
    var count: Int { self.state.withLock { $0.count } }

    /// The number of places that a tenant has taken.
    func count(of tenant: Tenant) -> Int { self.state.withLock { $0.tenants[tenant]?.count ?? 0 } }

    /// The tenants with the most places, at most `count`, the largest first; equal ones sorted by name.
    func largest(_ count: Int) -> [(tenant: Tenant, connections: Int)] {
        let tenants = self.state.withLock { $0.tenants.mapValues(\.count) }
        return tenants.sorted { ($1.value, $0.key.text) < ($0.value, $1.key.text) }.prefix(count).map { ($0.key, $0.value) }
    }

    /// Whether ``close()`` was called.
    var isClosed: Bool { self.state.withLock { $0.isClosed } }

    /// Refuses all later streams.
    func close() { self.state.withLock { $0.isClosed = true } }
}
