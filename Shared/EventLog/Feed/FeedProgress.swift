/// State machine of the feed's progress, as a value.
struct FeedProgress: Sendable {
    /// A snapshot of the stream.
    struct StreamSnapshot: Sendable, Equatable {
        var epoch: UInt16
        /// `last` + 1 when the stream is empty.
        var first: UInt64
        var last: UInt64
        /// Size of the stream in bytes, as the server counts.
        var bytes: UInt64
        /// Number of messages.
        var messages: UInt64
        /// Whether the stream has replicas: the answering server may lag behind the delivering one.
        var isReplicated = false
    }

    /// How to continue after a check of the stream.
    enum Course: Sendable, Equatable {
        /// First check: begin after this sequence, so that the tail is filled.
        case begin(after: UInt64)
        /// Nothing lost: continue after this sequence.
        case resume(after: UInt64)
        /// The log was recreated or restored from an older copy: continue after `position` in a new epoch, and notify everyone.
        case restart(epoch: UInt16, position: UInt64)
        /// The log dropped entries that were not read yet: continue after `position`, and notify everyone.
        case passOver(through: UInt64)
        /// The stream ends before the position, perhaps because a new leader lags: check again shortly.
        case lookAgain
    }

    /// Everything up to here was reported.
    private(set) var position: UInt64 = 0
    /// The stream's end at the last check.
    private(set) var target: UInt64 = 0
    private var epoch: UInt16
    /// The epoch of the followed log; nil before the first check.
    var knownEpoch: UInt16? { hasBegun ? epoch : nil }
    /// Where to begin; nil for as far back as the tail reaches.
    private let start: UInt64?
    private var hasBegun = false
    /// Number of consecutive checks in which a replicated stream ended before the position.
    private var shortLooks = 0
    /// The last delivered messages, in ascending order; used to recognise the log.
    private(set) var stamps: [LogStamp] = []
    /// The sequence behind which sequences were skipped: deleted, or dropped unread. Nil when none is unexplained.
    private(set) var skippedAfter: UInt64?
    /// Whether the first delivery is still to come.
    private(set) var isFirst = true
    /// Number of sequences dropped, or possibly dropped, before they could be read.
    private(set) var missed: UInt64 = 0

    /// After this many checks the end is taken as lost.
    static let maximumShortLooks = 10
    /// Number of remembered messages: some may be deleted before they are compared.
    static let rememberedStamps = 8

    /// - Parameters:
    ///   - epoch: The epoch that the observer knows.
    ///   - start: The sequence behind which to begin; nil for as far back as the tail reaches.
    ///   - stamp: The last message read, if known.
    init(epoch: UInt16, start: UInt64? = nil, stamp: LogStamp? = nil) {
        self.epoch = epoch
        self.start = start
        if let stamp { stamps = [stamp] }
    }

    /// Whether everything is reported that the stream held at the last check.
    var hasCaughtUp: Bool { hasBegun && position >= target }

    /// Applies a check of the stream, before a new consumer is created.
    ///
    /// - Parameters:
    ///   - tailBytes: How much of the stream's end the first course loads into the tail.
    ///   - isRecognised: Whether the stream holds one of ``stamps``; nil when all of their sequences are absent.
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
            // A start beyond the end is of another log; that is checked below.
            position = start
            if start <= snapshot.last, isRecognised != false {
                position = max(start, snapshot.first == 0 ? 0 : snapshot.first - 1)
                missed += position - start
                return .begin(after: position)
            }
        }
        // The log was recreated, or restored from an older copy.
        guard epoch == snapshot.epoch, position <= snapshot.last, isRecognised != false, !isErased(snapshot, isRecognised) else {
            position = snapshot.last
            stamps = []
            return .restart(epoch: snapshot.epoch, position: position)
        }
        // The log dropped unread entries. Continue with what is kept, but notify readers.
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

    /// Whether the last messages are all absent although older ones are kept: the log cannot be recognised.
    private func isErased(_ snapshot: StreamSnapshot, _ isRecognised: Bool?) -> Bool {
        guard isRecognised == nil, let last = stamps.last else { return false }
        return last.sequence >= snapshot.first
    }

    /// Applies a delivery. Returns whether it is new.
    mutating func delivered(_ stamp: LogStamp) -> Bool {
        let after = position
        guard advance(to: stamp.sequence) else { return false }
        // At the start nothing was reported yet that could be missing, unless the observer resumes from an earlier position.
        if stamp.sequence > after + 1, !isFirst || start != nil { skippedAfter = skippedAfter ?? after }
        isFirst = false
        if stamps.count == Self.rememberedStamps { stamps.removeFirst() }
        stamps.append(stamp)
        return true
    }

    /// Applies the server's report that nothing lies between the last message and `sequence`. Returns whether that is new.
    mutating func passed(_ sequence: UInt64) -> Bool {
        let after = position
        guard advance(to: sequence) else { return false }
        if !isFirst || start != nil { skippedAfter = skippedAfter ?? after }
        return true
    }

    /// Applies a check of the stream while it is followed.
    ///
    /// - Parameter first: the first kept sequence.
    /// - Returns: whether skipped sequences are explained: those behind the log's start were deleted. Others may have been dropped unread, and
    ///   the stream must be inspected again.
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

    /// Returns the sequence after which the stream's last `tailBytes` begin, by average message size. The tail enforces its limit if the average
    /// misleads.
    private static func start(in snapshot: StreamSnapshot, tailBytes: Int) -> UInt64 {
        let beforeFirst = snapshot.first == 0 ? 0 : snapshot.first - 1
        guard snapshot.messages > 0, snapshot.last > beforeFirst else { return max(beforeFirst, snapshot.last) }
        let average = max(1, snapshot.bytes / max(1, snapshot.messages))
        let wanted = UInt64(max(0, tailBytes)) / average
        return max(beforeFirst, snapshot.last - min(snapshot.last, wanted))
    }
}
