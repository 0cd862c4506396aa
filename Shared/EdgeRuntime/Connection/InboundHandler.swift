import Basics

/// Makes sense of the bytes that one client sends. Used on its connection's loop only.
protocol InboundHandler: AnyObject {
    /// Bytes came in, cut anywhere. Takes them as far as `budget` reaches, between two frames. Returns how many were taken, and what is to be done, in
    /// order; behind an ``InboundReaction/end(_:)`` nothing is taken.
    func received(
        _ bytes: UnsafeRawBufferPointer,
        now: MonotonicInstant,
        budget: inout InputBudget
    ) -> (taken: Int, reactions: [InboundReaction])
    /// The connection reads from the client again, after a while in which it did not: the client's silence is measured from now on.
    func listensAgain(now: MonotonicInstant)
    /// Asked now and then: why a client that has sent nothing for too long is to go.
    func silence(now: MonotonicInstant) -> Ending?
}
