import Glibc

/// Publishes the load's events on the bus.
final class NATSPublisher: Publisher {
    private let bus: BusConnection
    private let tenants: [String]
    private let payload: TickPayload
    /// Prefix of the events' ids; unique per run.
    private let runID = "load-\(getpid())-\(MonotonicClock.now())"

    /// Connects.
    /// - Parameter tenants: the tenants' names, as subject tokens.
    init(address: SocketAddress, tenants: [String], payload: TickPayload) throws(LoadError) {
        self.tenants = tenants
        self.payload = payload
        bus = try BusConnection(address: address)
    }

    func publish(tenant: Int, counter: UInt64) throws(LoadError) {
        try bus.publish(type: payload.kind.rawValue, tenant: tenants[tenant], id: "\(runID)-\(tenant)-\(counter)") {
            payload.bytes(Tick(counter: counter, sent: MonotonicClock.now()))
        }
    }

    func push() throws(LoadError) { try bus.push() }

    func settle() throws(LoadError) { try bus.settle() }
}
