/// Publishes the load's events over HTTP, and waits for the answer to each.
final class HTTPPublisher: Publisher {
    private let address: SocketAddress
    /// Connected by the first publish: the intake closes a connection that says nothing for some seconds.
    private var loop: ExchangeLoop?
    private let tenants: [String]
    private let token: String

    /// - Parameters:
    ///   - address: Of an intake.
    ///   - tenants: The tenants' names.
    ///   - token: The token of a producer.
    init(address: SocketAddress, tenants: [String], token: String) {
        self.address = address
        self.tenants = tenants
        self.token = token
    }

    func publish(tenant: Int, counter: UInt64) throws(LoadError) {
        let event = IntakeRequest.event(Tick(counter: counter, sent: MonotonicClock.now()), tenant: tenants[tenant])
        let loop = if let loop { loop } else { try ExchangeLoop(address: address, clients: 1) }
        self.loop = loop
        _ = try loop.run([IntakeRequest.exchange(token: token, events: event, count: 1)])
    }

    func push() {}

    func settle() {}
}
