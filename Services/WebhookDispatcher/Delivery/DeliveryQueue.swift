import Basics
import DequeModule
import EventModel

/// The next messages of one endpoint, and the contiguous prefix of those that it has taken. A pure value.
///
/// It is complete between ``position`` and ``readThrough``: every event in between that the endpoint gets is in it. Taken messages stay until all before
/// them are taken, because the cursor may not pass over one that is not: so a crash repeats them, and nothing is lost.
struct DeliveryQueue {
    private enum State {
        case waiting, underWay, taken
    }

    private struct Item {
        let message: OutgoingMessage
        var state = State.waiting
    }

    /// What a queue holds at most, unless its only message is larger.
    static let maximumCount = 64
    /// In bytes.
    static let maximumBytes = 256 * 1024

    /// The endpoint has taken what it gets up to here.
    private(set) var position: Cursor
    /// Up to here the queue is complete.
    private(set) var readThrough: UInt64
    /// Messages under way.
    private(set) var underWayCount = 0
    /// Messages that wait.
    private(set) var waitingCount = 0
    /// The size of all messages.
    private(set) var bytes = 0
    /// Whether a message had no room, and none was sent or taken since: then nothing more is read ahead, because it would be refused again.
    private(set) var isFull = false
    private var items: Deque<Item> = []

    /// Creates an empty queue behind a cursor.
    init(after cursor: Cursor) {
        position = cursor
        readThrough = cursor.sequence
    }

    /// Whether it begins with a gap, which is not taken yet.
    var beginsWithGap: Bool { items.first?.message.gap != nil }
    /// Whether it holds nothing.
    var isEmpty: Bool { items.isEmpty }
    /// The intake of the oldest message that is not taken; nil without one.
    var oldestIntake: Timestamp? { items.first?.message.intake }
    /// The next message that waits; nil without one.
    var nextWaiting: OutgoingMessage? { items.first { $0.state == .waiting }?.message }
    /// The oldest message that is not taken, if it waits.
    var oldestWaiting: OutgoingMessage? { items.first.flatMap { $0.state == .waiting ? $0.message : nil } }

    /// Whether it has room for a message of `size` bytes.
    ///
    /// - Parameter isTight: whether the process holds too much: then one message at a time.
    func hasRoom(for size: Int, isTight: Bool = false) -> Bool {
        waitingCount == 0 || !isTight && items.count < Self.maximumCount && bytes + size <= Self.maximumBytes
    }

    /// Appends the next message that the endpoint gets. Those up to ``readThrough`` are there already.
    mutating func append(_ message: OutgoingMessage) {
        guard message.sequence > readThrough else { return }
        items.append(Item(message: message))
        waitingCount += 1
        bytes += message.size
        readThrough = message.sequence
    }

    /// Records that the message at a sequence had no room: it is read again when there is.
    mutating func refuse(_ sequence: UInt64) {
        noteRead(through: sequence - min(sequence, 1))
        isFull = true
    }

    /// Records that the endpoint gets nothing else up to a sequence.
    mutating func noteRead(through sequence: UInt64) { readThrough = max(readThrough, sequence) }

    /// Moves the cursor of an endpoint that has taken everything in the queue.
    mutating func pass(to cursor: Cursor) {
        guard items.isEmpty, cursor.epoch != position.epoch || cursor.sequence > position.sequence else { return }
        position = cursor
        readThrough = max(readThrough, cursor.sequence)
    }

    /// Replaces everything by a gap, behind which the log is read on. The cursor moves when it is delivered.
    mutating func begin(with gap: OutgoingMessage) {
        clear()
        items.append(Item(message: gap))
        waitingCount = 1
        bytes = gap.size
        readThrough = gap.sequence
    }

    /// Forgets everything and continues behind a cursor.
    mutating func reset(to cursor: Cursor) {
        clear()
        position = cursor
        readThrough = cursor.sequence
    }

    /// Forgets what waits behind the last message that is under way or taken; it is read again when it is due. The gap of a lost cursor stays: made
    /// again, it may be of another place.
    mutating func dropWaiting() {
        while let last = items.last, last.state == .waiting {
            if items.count == 1, case .unknownCursor = last.message.gap { break }
            items.removeLast()
            waitingCount -= 1
            bytes -= last.message.size
        }
        readThrough = items.last?.message.sequence ?? position.sequence
        isFull = false
    }

    /// Marks a waiting message as under way.
    mutating func start(_ message: OutgoingMessage) {
        guard change(message, from: .waiting, to: .underWay) else { return }
        waitingCount -= 1
        underWayCount += 1
        isFull = false
    }

    /// Makes a message that was under way wait again.
    mutating func putBack(_ message: OutgoingMessage) {
        guard change(message, from: .underWay, to: .waiting) else { return }
        waitingCount += 1
        underWayCount -= 1
    }

    /// Marks a message as taken, also one that was not sent because the log no longer holds it, and moves the cursor over all that are taken at the
    /// beginning.
    mutating func take(_ message: OutgoingMessage) {
        if change(message, from: .underWay, to: .taken) {
            underWayCount -= 1
        } else if change(message, from: .waiting, to: .taken) {
            waitingCount -= 1
        }
        isFull = false
        while let first = items.first, first.state == .taken {
            items.removeFirst()
            bytes -= first.message.size
            position = first.message.cursor
        }
    }

    private mutating func change(_ message: OutgoingMessage, from old: State, to new: State) -> Bool {
        guard let index = items.firstIndex(where: { $0.message === message }), items[index].state == old else { return false }
        items[index].state = new
        return true
    }

    private mutating func clear() {
        items = []
        (underWayCount, waitingCount, bytes, isFull) = (0, 0, 0, false)
    }
}
