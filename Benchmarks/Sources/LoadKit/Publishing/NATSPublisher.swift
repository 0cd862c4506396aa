import Glibc

/// Publishes the load's ticks to its tenants by way of the bus.
final class NATSPublisher: Publisher {
    private let bus: BusConnection
    private let tenants: [String]
    private let payload: TickPayload
    /// Begins every event's id; no two runs share it.
    private let runID = "load-\(getpid())-\(MonotonicClock.now())"

    /// Connects.
    /// - Parameter tenants: their names as subject tokens.
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
