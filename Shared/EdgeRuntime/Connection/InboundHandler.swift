import Basics

/// Decodes the bytes of one client. Used on its connection's loop only.
protocol InboundHandler: AnyObject {
    /// Decodes bytes, cut anywhere, as far as `budget` allows, between two frames. Returns the number of bytes taken, and the reactions in
    /// order; after an ``InboundReaction/end(_:)`` nothing is taken.
    func received(
        _ bytes: UnsafeRawBufferPointer,
        now: MonotonicInstant,
        budget: inout InputBudget
    ) -> (taken: Int, reactions: [InboundReaction])
    /// Reading from the client has resumed after a pause: measures the client's silence from now on.
    func listensAgain(now: MonotonicInstant)
    /// Checks the client's silence, at each heartbeat. Returns the ending of a client that has sent nothing for too long.
    func silence(now: MonotonicInstant) -> Ending?
}
