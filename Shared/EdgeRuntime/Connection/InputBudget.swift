/// Bounds what input costs a delivery loop, in bytes of plain text or equivalent time.
///
/// Frames have a cost besides their payload, compressed messages cost what they inflate to, and messages for a conversation the time to
/// handle them. So no input is cheaper for the sender than for the loop.
struct InputBudget: Sendable, Equatable {
    /// The budget of one connection for one turn. The message that uses it up is finished.
    static let turn = 64 * 1024
    /// The budget of all connections together for one round of the loop; the rest waits for the next round.
    static let round = 256 * 1024
    /// The cost of a frame, besides its bytes.
    static let frame = 64
    /// The cost of a message passed to a conversation, besides its bytes.
    static let message = 1024
    /// The cost of a byte of such a message. Handling JSON-RPC takes some 30 µs for a call of 100 bytes, so that a round with
    /// nothing else takes some 3 ms, and delays events by as much.
    static let messageByte = 16
    /// The budget of a tenant's connections together on a loop for a second: about a fifth of its time, as measured with 12,400 calls a second
    /// that subscribe, on two loops. Input beyond it waits.
    static let tenantPerSecond = 12 << 20
    /// The burst of that budget: for a fleet that reconnects after an outage.
    static let tenantAtOnce = 2 * tenantPerSecond

    /// The remaining budget; negative when the last step cost more.
    private(set) var left: Int
    /// Number of frames begun.
    private(set) var frames = 0

    init(_ amount: Int = Self.turn) { self.left = amount }

    var isSpent: Bool { self.left <= 0 }

    mutating func spend(_ amount: Int) { self.left -= amount }

    /// A frame's header is complete.
    mutating func beginFrame() {
        self.frames += 1
        self.left -= Self.frame
    }
}
