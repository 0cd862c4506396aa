/// Makes sense of the bytes that one client sends. Used on its connection's loop only.
protocol InboundHandler: AnyObject {
    /// Bytes came in, cut anywhere. Returns what is to be done, in order.
    func received(_ bytes: UnsafeRawBufferPointer, now: MonotonicInstant) -> [InboundReaction]
    /// The connection reads from the client again, after a while in which it did not: the client's silence is measured from now on.
    func listensAgain(now: MonotonicInstant)
    /// Asked now and then: why a client that has sent nothing for too long is to go.
    func silence(now: MonotonicInstant) -> Ending?
}
