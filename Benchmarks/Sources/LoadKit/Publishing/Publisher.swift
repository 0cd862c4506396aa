/// Publishes events to the server under test: to an edge over the bus, to the bare loop directly.
protocol Publisher: AnyObject {
    /// Publishes one event to the tenant with an index, with the current time. It may be buffered until ``push()``.
    func publish(tenant: Int, counter: UInt64) throws(LoadError)
    /// Sends all buffered events.
    func push() throws(LoadError)
    /// Waits until all published events are accepted.
    func settle() throws(LoadError)
}
