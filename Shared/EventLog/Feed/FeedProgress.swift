/// How far the feed has come, as a value: what was seen of the log goes in, what to do comes out.
struct FeedProgress: Sendable {
    /// What the stream is at one moment.
    struct StreamSnapshot: Sendable, Equatable {
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
        /// The log is another one, or was restored from an older copy: a new life begins after `position`, and everyone must be told.
        case restart(epoch: UInt16, position: UInt64)
        /// The log dropped what was not read yet: it goes on after `position`, and everyone must be told.
        case passOver(through: UInt64)
        /// The stream ends before the position, but perhaps only because its new leader has not caught up: look again in a moment.
        case lookAgain
    }

    /// Everything up to here was told.
    private(set) var position: UInt64 = 0
    /// The end of the stream when it was last looked at.
    private(set) var target: UInt64 = 0
    private var epoch: UInt16
    /// The life of the log that is followed; nil before the first look.
    var knownEpoch: UInt16? { hasBegun ? epoch : nil }
    /// Where to begin; nil for as far back as the tail holds.
    private let start: UInt64?
    private var hasBegun = false
    /// How often in a row a replicated stream seemed to end before the position.
    private var shortLooks = 0
    /// The last messages that were delivered, in ascending order: the log is recognised by them.
    private(set) var stamps: [LogStamp] = []
    /// The place behind which sequences were skipped: they were deleted, or the log dropped them before they came. Nil when there is no doubt.
    private(set) var skippedAfter: UInt64?
    /// Whether the first delivery since the start is still to come.
    private(set) var isFirst = true
    /// How many sequences the log had dropped, or may have, before they could be read.
    private(set) var missed: UInt64 = 0

    /// After this many looks the end is really gone.
    static let maximumShortLooks = 10
    /// How many messages are remembered: some may be deleted by the time they are compared.
    static let rememberedStamps = 8

    /// - Parameters:
    ///   - epoch: the life of the log that the observer knows of.
    ///   - start: the sequence behind which to begin; nil for as far back as the tail holds.
    ///   - stamp: the message that was read last, when it is known.
    init(epoch: UInt16, start: UInt64? = nil, stamp: LogStamp? = nil) {
        self.epoch = epoch
        self.start = start
        if let stamp { stamps = [stamp] }
    }

    /// Whether everything is told that the stream held when it was last looked at.
    var hasCaughtUp: Bool { hasBegun && position >= target }

    /// The stream was looked at, before a new consumer is made.
    ///
    /// - Parameters:
    ///   - tailBytes: how much of the stream's end the first course shall fill the tail with.
    ///   - isRecognised: whether the stream holds one of ``stamps``; nil when none of their places holds anything.
    mutating func inspected(_ snapshot: StreamSnapshot, tailBytes: Int, isRecognised: Bool? = nil) -> Course {
        if hasBegun, epoch == snapshot.epoch, snapshot.last < position, snapshot.isReplicated, shortLooks < Self.maximumShortLooks {
            shortLooks += 1
            return .lookAgain
        }
        defer {
            epoch = snapshot.epoch
            target = snapshot.last
            hasBegun = true
            shortLooks = 0
            skippedAfter = nil
        }
        if !hasBegun, epoch == snapshot.epoch {
            guard let start else {
                position = Self.start(in: snapshot, tailBytes: tailBytes)
                return .begin(after: position)
            }
            // Beyond the end, the log is not the one that the start was taken from; that is judged below.
            position = start
            if start <= snapshot.last, isRecognised != false {
                position = max(start, snapshot.first == 0 ? 0 : snapshot.first - 1)
                missed += position - start
                return .begin(after: position)
            }
        }
        // Another stream, or one that was restored from an older copy: what comes next was never announced.
        guard epoch == snapshot.epoch, position <= snapshot.last, isRecognised != false, !isErased(snapshot, isRecognised) else {
            position = snapshot.last
            stamps = []
            return .restart(epoch: snapshot.epoch, position: position)
        }
        // The log threw away what was not read yet. It follows from what is kept, but readers must know.
        if let skippedAfter, snapshot.first > skippedAfter + 1 {
            let end = max(position, snapshot.first - 1)
            missed += end - skippedAfter
            position = end
            return .passOver(through: position)
        }
        guard position + 1 >= snapshot.first else {
            missed += snapshot.first - 1 - position
            position = snapshot.first - 1
            return .passOver(through: position)
        }
        return .resume(after: position)
    }

    /// Whether the last messages are all gone from where older ones are still kept, so that nothing shows which log this is.
    private func isErased(_ snapshot: StreamSnapshot, _ isRecognised: Bool?) -> Bool {
        guard isRecognised == nil, let last = stamps.last else { return false }
        return last.sequence >= snapshot.first
    }

    /// A message came. Returns whether it is new.
    mutating func delivered(_ stamp: LogStamp) -> Bool {
        let after = position
        guard advance(to: stamp.sequence) else { return false }
        // At the start nobody has been told of anything that could be missing, unless somebody goes on from an earlier time.
        if stamp.sequence > after + 1, !isFirst || start != nil { skippedAfter = skippedAfter ?? after }
        isFirst = false
        if stamps.count == Self.rememberedStamps { stamps.removeFirst() }
        stamps.append(stamp)
        return true
    }

    /// The server says that there is nothing between the last message and `sequence`. Returns whether that is news.
    mutating func passed(_ sequence: UInt64) -> Bool {
        let after = position
        guard advance(to: sequence) else { return false }
        if !isFirst || start != nil { skippedAfter = skippedAfter ?? after }
        return true
    }

    /// The stream was looked at while it is followed.
    ///
    /// - Parameter first: the first sequence that it keeps.
    /// - Returns: whether what was skipped is accounted for: still behind the log's old end, it was deleted. Otherwise it may have been dropped
    ///   unread, and the stream has to be inspected again.
    mutating func verified(first: UInt64) -> Bool {
        guard let skippedAfter else { return true }
        guard first <= skippedAfter + 1 else { return false }
        self.skippedAfter = nil
        return true
    }

    private mutating func advance(to sequence: UInt64) -> Bool {
        guard sequence > position, sequence < UInt64(Int64.max) else { return false }
        position = sequence
        return true
    }

    /// The sequence after which the last `tailBytes` of the stream lie, by the average size of a message; the tail itself does not grow
    /// beyond its bound when the average misleads.
    private static func start(in snapshot: StreamSnapshot, tailBytes: Int) -> UInt64 {
        let beforeFirst = snapshot.first == 0 ? 0 : snapshot.first - 1
        guard snapshot.messages > 0, snapshot.last > beforeFirst else { return max(beforeFirst, snapshot.last) }
        let average = max(1, snapshot.bytes / max(1, snapshot.messages))
        let wanted = UInt64(max(0, tailBytes)) / average
        return max(beforeFirst, snapshot.last - min(snapshot.last, wanted))
    }
}
