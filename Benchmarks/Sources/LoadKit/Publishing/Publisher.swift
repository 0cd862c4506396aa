/// Gives events to what is measured: to an edge by way of the bus, to the bare loop directly.
protocol Publisher: AnyObject {
    /// Publishes one event to a tenant, given by its number; stamps it with the time now. It may wait in a buffer for ``push()``.
    func publish(tenant: Int, counter: UInt64) throws(LoadError)
    /// Hands over everything that was published.
    func push() throws(LoadError)
    /// Returns when everything that was published is taken.
    func settle() throws(LoadError)
}
