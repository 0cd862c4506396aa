/// Publishes the load's events over HTTP, and waits for the answer to each.
final class HTTPPublisher: Publisher {
    private let loop: ExchangeLoop
    private let tenants: [String]
    private let token: String

    /// Connects to an intake.
    ///
    /// - Parameters:
    ///   - tenants: The tenants' names.
    ///   - token: The token of a producer.
    init(address: SocketAddress, tenants: [String], token: String) throws(LoadError) {
        loop = try ExchangeLoop(address: address, clients: 1)
        self.tenants = tenants
        self.token = token
    }

    func publish(tenant: Int, counter: UInt64) throws(LoadError) {
        let event = IntakeRequest.event(Tick(counter: counter, sent: MonotonicClock.now()), tenant: tenants[tenant])
        _ = try loop.run([IntakeRequest.exchange(token: token, events: event, count: 1)])
    }

    func push() {}

    func settle() {}
}
