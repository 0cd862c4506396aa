public import Basics
import Glibc
import NIOPosix
import Synchronization

/// Resolves the names of endpoints' hosts.
public protocol HostResolver: Sendable {
    /// Returns all addresses of a name, in the order in which they are to be tried; empty when it has none.
    ///
    /// - Parameters:
    ///   - name: a host's name, not an address.
    ///   - tenant: whose endpoint it is; look-ups of one tenant do not delay those of others.
    func addresses(of name: String, for tenant: Tenant) async -> [IPAddress]
}

/// Resolves names by getaddrinfo(3), which blocks: on separate threads, with a share for each tenant. Any thread.
///
/// A look-up under way serves all callers of the same tenant and name. It goes on when its callers have left; so what waits when a name server hangs is
/// bounded by ``maximumPending``, because a tenant can name another host in each request.
public final class SystemResolver: HostResolver {
    /// Look-ups of one tenant at a time.
    private static let perTenant = 2
    /// Look-ups of one tenant that wait or are under way: one for each endpoint that a tenant can have.
    static let maximumPending = 1024
    /// Tenants whose names must hang before the look-ups of others wait. A thread that waits for a name server costs some KiB and no processor time.
    static let shares = 64
    /// Started with the first look-up, for as long as the process runs.
    private static let threads: NIOThreadPool = {
        let threads = NIOThreadPool(numberOfThreads: SystemResolver.perTenant * SystemResolver.shares)
        threads.start()
        return threads
    }()

    private struct Key: Hashable {
        var tenant: Tenant
        var name: String
    }

    private let lookUps = SharedWork<Key, [IPAddress], Never>()
    private let turns = TenantTurns(limit: SystemResolver.perTenant)
    private let pending = Mutex<[Tenant: Int]>([:])
    private let maximumPending: Int
    private let lookUp: @Sendable (String) -> [IPAddress]

    /// Creates a resolver.
    public convenience init() { self.init(maximumPending: Self.maximumPending, lookUp: Self.lookUp) }

    /// - Parameter lookUp: blocks its thread.
    init(maximumPending: Int, lookUp: @escaping @Sendable (String) -> [IPAddress]) {
        self.maximumPending = maximumPending
        self.lookUp = lookUp
    }

    /// Number of a tenant's look-ups that wait or are under way.
    func pendingCount(of tenant: Tenant) -> Int { pending.withLock { $0[tenant] ?? 0 } }

    /// Returns the addresses in the order of RFC 6724, which the system's resolver gives; none when ``maximumPending`` look-ups of the tenant wait.
    public func addresses(of name: String, for tenant: Tenant) async -> [IPAddress] {
        await lookUps.value(for: Key(tenant: tenant, name: name)) { [self] in
            guard takePlace(of: tenant) else { return [] }
            defer { giveBackPlace(of: tenant) }
            return await turns.run(for: tenant) { [lookUp] in (try? await Self.threads.runIfActive { lookUp(name) }) ?? [] }
        }
    }

    private func takePlace(of tenant: Tenant) -> Bool {
        pending.withLock { pending in
            guard pending[tenant, default: 0] < maximumPending else { return false }
            pending[tenant, default: 0] += 1
            return true
        }
    }

    private func giveBackPlace(of tenant: Tenant) {
        pending.withLock { pending in
            let left = pending[tenant, default: 0] - 1
            pending[tenant] = left > 0 ? left : nil
        }
    }

    /// Blocks the calling thread.
    private static func lookUp(_ name: String) -> [IPAddress] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(name, nil, &hints, &list) == 0 else { return [] }
        defer { freeaddrinfo(list) }
        return sequence(first: list, next: { $0?.pointee.ai_next }).compactMap { $0.flatMap { address($0.pointee) } }
    }

    /// The zone of a link-local address is dropped: the rules refuse the address with any.
    private static func address(_ info: addrinfo) -> IPAddress? {
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        guard getnameinfo(info.ai_addr, info.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0 else { return nil }
        return IPAddress(String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self).prefix { $0 != "%" })
    }
}
