import Basics

/// Counts the tickets that nobody was given, by the network of their senders: those who guess can be told from others. A value.
///
/// Networks share a fixed number of buckets, by a hash that senders do not know: however many there are, nothing is dropped, and memory is constant.
struct GuessShares: Sendable {
    /// Guesses of a network at once, and a second. A client whose ticket was dropped at the end of its life guesses, too.
    static let burst = 256.0
    static let perSecond = 16.0
    private static let bucketCount = 4096

    private var buckets: [TokenBucket]

    init(at now: Duration) {
        buckets = Array(repeating: TokenBucket(capacity: Self.burst, perSecond: Self.perSecond, at: now), count: Self.bucketCount)
    }

    /// Records a guess.
    mutating func count(_ client: ClientNetwork, at now: Duration) { buckets[Self.index(of: client)].charge(1, at: now) }

    /// Returns whether the client has guesses left.
    mutating func allows(_ client: ClientNetwork, at now: Duration) -> Bool { buckets[Self.index(of: client)].allows(1, at: now) }

    /// The bucket of a network, other ones in another process.
    static func index(of client: ClientNetwork) -> Int { Int(UInt(bitPattern: client.hashValue) % UInt(bucketCount)) }
}
