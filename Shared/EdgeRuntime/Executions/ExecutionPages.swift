import Basics
import EventLog
import EventModel
import Synchronization

/// The executions that somebody views on this process, each once: its pages, and where its events lie.
///
/// An execution is followed from the first viewer's question on, is read from the log once, and grows with the process's one feed; what nobody views
/// is passed over. It is forgotten a while after the last viewer has gone, so that one that comes back finds it.
final class ExecutionPages: Sendable {
    /// The pages of an execution, and what is in them.
    struct View {
        let chain: PageChain
        var track = ExecutionTrack()
        /// The executions before the current one, in the log's order; nil until somebody asks for one.
        var formers: [ExecutionSpan]?

        /// Takes in the next entry. Returns whether viewers see it.
        mutating func take(_ entry: LogEntry, budget: Int) -> Bool {
            guard let place = entry.execution else { return false }
            if place.run != self.track.run, let span = self.track.span { self.formers?.append(span) }
            guard self.track.take(place, sequence: entry.sequence) else { return false }
            var bytes: [UInt8] = []
            self.chain.encoder.appendExecutionEvent(entry.event, at: place, to: &bytes)
            self.chain.append(
                bytes,
                sequence: entry.sequence,
                intake: entry.intake,
                user: nil,
                type: entry.event.type,
                isFinal: place.isFinal,
                budget: budget
            )
            return true
        }
    }

    private struct Followed {
        /// The life of the log in which it is followed.
        var generation: UInt32
        /// Nil until it is loaded.
        var view: View?
        /// What the feed brought meanwhile.
        var pending: [LogEntry] = []
        var readers: [ObjectIdentifier: any ChainReader] = [:]
        /// How many are about to read.
        var leases = 1
        /// Counts how often it has become idle.
        var idleTimes = 0

        var isIdle: Bool { self.leases == 0 && self.readers.isEmpty }
    }

    private let followed = Mutex<[String: Followed]>([:])
    private let isAnyFollowed = Atomic<Bool>(false)
    private let pageBytes: Int
    private let linger: Duration
    /// An execution may always keep this much, as in ``Fanout``.
    private static let smallestShare = 8 * 1024

    /// - Parameters:
    ///   - pageBytes: Memory for encoded pages over all executions, in bytes.
    ///   - linger: How long an execution is followed after its last viewer has gone.
    init(pageBytes: Int, linger: Duration = .seconds(10)) {
        self.pageBytes = pageBytes
        self.linger = linger
    }

    /// Executions that are followed.
    var count: Int { self.followed.withLock { $0.count } }

    /// Bytes that each execution may keep in memory.
    var budget: Int { self.followed.withLock { self.budget($0.count) } }

    private func budget(_ count: Int) -> Int { max(Self.smallestShare, self.pageBytes / max(1, count)) }

    // MARK: Viewers (any thread)

    /// Follows an execution from now on at the latest, and at least until ``endLease(of:)``.
    func beginLease(of reference: ExecutionReference, generation: UInt32) {
        self.followed.withLock { followed in
            if followed[reference.subject] == nil {
                followed[reference.subject] = Followed(generation: generation)
                self.isAnyFollowed.store(true, ordering: .releasing)
            } else {
                followed[reference.subject]?.leases += 1
            }
        }
    }

    /// Whoever was about to read does so now, or does not any more.
    func endLease(of reference: ExecutionReference) {
        self.update(reference) { $0.leases -= 1 }
    }

    /// How far the current execution has come; nil before it is loaded.
    func track(of reference: ExecutionReference) -> ExecutionTrack? {
        self.followed.withLock { $0[reference.subject]?.view?.track }
    }

    /// The executions before the current one; nil when they have not been read.
    func formers(of reference: ExecutionReference) -> [ExecutionSpan]? {
        self.followed.withLock { $0[reference.subject]?.view?.formers }
    }

    /// The executions before the current one, `run`, were read.
    func remember(_ formers: [ExecutionSpan], before run: ExecutionRun?, of reference: ExecutionReference) {
        self.followed.withLock { followed in
            guard followed[reference.subject]?.view?.track.run == run else { return }
            followed[reference.subject]?.view?.formers = formers
        }
    }

    /// An execution was read from the log; what came in the meantime is added.
    /// - Returns: Whether it is of use: the log may have been replaced since.
    func loaded(_ view: View, of reference: ExecutionReference, generation: UInt32) -> Bool {
        self.followed.withLock { followed in
            guard followed[reference.subject]?.generation == generation else { return false }
            var view = view
            for entry in followed[reference.subject]?.pending ?? [] { _ = view.take(entry, budget: self.budget(followed.count)) }
            followed[reference.subject]?.pending = []
            followed[reference.subject]?.view = view
            return true
        }
    }

    /// The pages of an execution, for a reader that has a lease; nil when it is not followed.
    func chain(of reference: ExecutionReference, reader: any ChainReader) -> PageChain? {
        self.followed.withLock { followed in
            followed[reference.subject]?.readers[ObjectIdentifier(reader)] = reader
            return followed[reference.subject]?.view?.chain
        }
    }

    /// `reader` has no connection on the execution any more.
    func release(_ reference: ExecutionReference, reader: any ChainReader) {
        self.update(reference) { $0.readers[ObjectIdentifier(reader)] = nil }
    }

    private func update(_ reference: ExecutionReference, _ change: (inout Followed) -> Void) {
        let idle: Int? = self.followed.withLock { followed in
            guard var entry = followed[reference.subject] else { return nil }
            change(&entry)
            if entry.isIdle { entry.idleTimes += 1 }
            followed[reference.subject] = entry
            return entry.isIdle ? entry.idleTimes : nil
        }
        guard let idle else { return }
        Task {
            try? await Task.sleep(for: self.linger)
            self.forget(reference, ifIdleSince: idle)
        }
    }

    private func forget(_ reference: ExecutionReference, ifIdleSince idleTimes: Int) {
        self.followed.withLock { followed in
            guard let entry = followed[reference.subject], entry.isIdle, entry.idleTimes == idleTimes else { return }
            followed[reference.subject] = nil
            self.isAnyFollowed.store(!followed.isEmpty, ordering: .releasing)
        }
    }

    // MARK: The feed's thread

    func follows(_ subject: UnsafeRawBufferPointer) -> Bool {
        guard self.isAnyFollowed.load(ordering: .acquiring) else { return false }
        let subject = String(decoding: subject, as: UTF8.self)
        return self.followed.withLock { $0[subject] != nil }
    }

    func append(_ entry: LogEntry, trace: TracedDelivery?) {
        guard let subject = entry.execution?.reference.subject else { return }
        self.followed.withLock { followed in
            guard let chain = followed[subject]?.view?.chain else {
                followed[subject]?.pending.append(entry)
                return
            }
            let budget = self.budget(followed.count)
            guard followed[subject]?.view?.take(entry, budget: budget) == true else { return }
            for reader in followed[subject]?.readers.values.map({ $0 }) ?? [] {
                trace?.openPart()
                reader.chainGrew(chain, intake: nil, trace: trace)
            }
        }
    }

    /// Forgets what the log does not keep any more. Returns those who may hold some of it.
    func trim(to retention: LogRetention, deleted: [ClosedRange<UInt64>]) -> [ObjectIdentifier: any ChainReader] {
        self.followed.withLock { followed in
            var readers: [ObjectIdentifier: any ChainReader] = [:]
            for subject in followed.keys {
                followed[subject]?.pending.removeAll { retention.hasDropped($0.sequence) }
                followed[subject]?.view?.chain.trim(to: retention, deleted: deleted)
                followed[subject]?.view?.track.trim(to: retention)
                // What is left of them is read again when somebody asks.
                if !deleted.isEmpty || followed[subject]?.view?.formers?.first.map({ $0.firstSequence < retention.firstSequence }) == true {
                    followed[subject]?.view?.formers = nil
                }
                readers.merge(followed[subject]?.readers ?? [:]) { first, _ in first }
            }
            return readers
        }
    }

    func logReplaced(at position: ChainPosition) {
        self.followed.withLock { followed in
            for subject in followed.keys {
                followed[subject]?.generation = position.generation
                followed[subject]?.pending = []
                guard let chain = followed[subject]?.view?.chain else { continue }
                chain.restart(at: position)
                followed[subject]?.view = View(chain: chain)
                for reader in followed[subject]?.readers.values.map({ $0 }) ?? [] { reader.chainGrew(chain) }
            }
        }
    }
}
