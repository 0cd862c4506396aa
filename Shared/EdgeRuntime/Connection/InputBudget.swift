/// What input may cost a delivery loop before others have their turn, in bytes of plain text or what takes as long.
///
/// Frames cost something without a payload, compressed messages what they inflate to, and messages that somebody listens to what it takes to read
/// them. So no input is cheaper for its sender than for the loop.
struct InputBudget: Sendable, Equatable {
    /// What one connection may cost in one turn. The message that uses it up is finished.
    static let turn = 64 * 1024
    /// What all connections together may cost in one round of the loop; others wait for the next.
    static let round = 256 * 1024
    /// A frame, beside its bytes.
    static let frame = 64
    /// A message that is passed on, beside its bytes.
    static let message = 1024
    /// A byte of a message that is passed on. Reading JSON-RPC and doing what it says takes some 20 µs for a call of 100 bytes, so that a round of
    /// nothing else takes some 3 ms; events wait for as long.
    static let messageByte = 16
    /// What all connections of a tenant together may cost a loop in a second: about a quarter of its time. What they send beyond it waits.
    static let tenantPerSecond = 24 << 20
    /// The same at once: a fleet that connects again after an outage.
    static let tenantAtOnce = 4 * tenantPerSecond

    /// What is left; negative when the last step cost more.
    private(set) var left: Int
    /// The frames that were begun.
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
