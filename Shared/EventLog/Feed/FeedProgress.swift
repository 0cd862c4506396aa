/// How far the feed has come, as a value: what was seen of the log goes in, what to do comes out.
struct FeedProgress: Sendable {
    /// What the stream is at one moment.
    struct Glimpse: Sendable, Equatable {
        var epoch: UInt16
        /// One more than `last` when nothing is kept.
        var first: UInt64
        var last: UInt64
        /// Bytes of what is kept, as the server counts.
        var bytes: UInt64
        /// How many messages are kept.
        var messages: UInt64
        /// Whether more than one server keeps the stream, so that the one that answered may be behind the one that delivered.
        var isReplicated = false
    }

    /// How to go on after a look at the stream.
    enum Course: Sendable, Equatable {
        /// The first look: begin after this sequence, so that the tail is filled.
        case begin(after: UInt64)
        /// Nothing was lost: go on after this sequence.
        case resume(after: UInt64)
        /// What was followed cannot be continued: everyone must be told, and a new life begins after `position`.
        case restart(epoch: UInt16, position: UInt64)
        /// The stream ends before the position, but perhaps only because its new leader has not caught up: look again in a moment.
        case lookAgain
    }

    /// Everything up to here was told.
    private(set) var position: UInt64 = 0
    /// The end of the stream when it was last looked at.
    private(set) var target: UInt64 = 0
    private var epoch: UInt16
    /// Where to begin; nil for as far back as the tail holds.
    private let start: UInt64?
    private var hasBegun = false
    /// How often in a row a replicated stream seemed to end before the position.
    private var shortLooks = 0

    /// After this many looks the end is really gone.
    static let maximumShortLooks = 10

    /// - Parameters:
    ///   - epoch: the life of the log that the observer knows of.
    ///   - start: the sequence behind which to begin; nil for as far back as the tail holds.
    init(epoch: UInt16, start: UInt64? = nil) {
        self.epoch = epoch
        self.start = start
    }

    /// Whether everything is told that the stream held when it was last looked at.
    var hasCaughtUp: Bool { hasBegun && position >= target }

    /// The stream was looked at, before a new consumer is made.
    ///
    /// - Parameter tailBytes: how much of the stream's end the first course shall fill the tail with.
    mutating func inspected(_ glimpse: Glimpse, tailBytes: Int) -> Course {
        if hasBegun, epoch == glimpse.epoch, glimpse.last < position, glimpse.isReplicated, shortLooks < Self.maximumShortLooks {
            shortLooks += 1
            return .lookAgain
        }
        defer {
            epoch = glimpse.epoch
            target = glimpse.last
            hasBegun = true
            shortLooks = 0
        }
        if !hasBegun, epoch == glimpse.epoch {
            guard let start else {
                position = Self.start(in: glimpse, tailBytes: tailBytes)
                return .begin(after: position)
            }
            // Beyond the end, the log is not the one that the start was taken from; that is judged below.
            position = start
            if start <= glimpse.last {
                position = max(start, glimpse.first == 0 ? 0 : glimpse.first - 1)
                return .begin(after: position)
            }
        }
        // Another stream, or one that was restored from an older copy: what comes next was never announced.
        guard epoch == glimpse.epoch, position <= glimpse.last else {
            position = glimpse.last
            return .restart(epoch: glimpse.epoch, position: position)
        }
        // The log threw away what was not read yet. It follows from what is kept, but readers must know.
        guard position + 1 >= glimpse.first else {
            position = glimpse.first - 1
            return .restart(epoch: glimpse.epoch, position: position)
        }
        return .resume(after: position)
    }

    /// A message came. Returns whether it is new.
    mutating func delivered(_ sequence: UInt64) -> Bool {
        guard sequence > position else { return false }
        position = sequence
        return true
    }

    /// The server says that there is nothing between the last message and `sequence`. Returns whether that is news.
    mutating func passed(_ sequence: UInt64) -> Bool { delivered(sequence) }

    /// The sequence after which the last `tailBytes` of the stream lie, by the average size of a message; the tail itself does not grow
    /// beyond its bound when the average misleads.
    private static func start(in glimpse: Glimpse, tailBytes: Int) -> UInt64 {
        let beforeFirst = glimpse.first == 0 ? 0 : glimpse.first - 1
        guard glimpse.messages > 0, glimpse.last > beforeFirst else { return max(beforeFirst, glimpse.last) }
        let average = max(1, glimpse.bytes / glimpse.messages)
        let wanted = UInt64(max(0, tailBytes)) / average
        return max(beforeFirst, glimpse.last - min(glimpse.last, wanted))
    }
}
