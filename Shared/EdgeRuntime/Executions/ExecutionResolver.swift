public import Basics
import EventLog
import EventModel

/// The result of resolving the start of an execution's viewer (contract §9).
public enum ExecutionAnswer: Sendable {
    /// The start of the stream; `run` is the execution, nil while none has begun.
    case begins(StreamPlace, run: ExecutionRun?)
    /// The viewer has seen the final event: nothing follows.
    case seenAll
    /// The execution does not exist.
    case unknown
}

/// A resolved position in the log, with a lease that keeps its execution in memory until the stream has begun.
public struct StreamPlace: Sendable {
    /// Why a viewer receives less than it requested.
    enum Gap: Sendable, Equatable {
        /// Events after the requested one have left the log.
        case expired
        /// No event has the requested number.
        case unknownCursor
    }

    /// The client has, or does not want, everything up to here.
    var sequence: UInt64
    /// The gap sent first; nil for none.
    var gap: Gap?
    /// The generation of the log in which the position was resolved.
    var generation: UInt32
    /// The lease that keeps the execution followed.
    var lease: ExecutionLease?

    /// Converts the position to the start of a stream.
    func start(in feed: FeedPosition) -> StreamStart {
        let cursor = feed.cursor(at: self.sequence)
        return switch self.gap {
        case nil: .after(cursor)
        case .expired: .expired(missedBefore: cursor.next)
        case .unknownCursor: .unknownCursorGoingOn(after: cursor)
        }
    }
}

/// Resolves where viewers of executions begin: loads an execution on the first request, and finds the positions of returning viewers.
///
/// Resolves against the log's end at the time of the request, so that a client is never sent back after another process, whose
/// feed is ahead, has served it.
final class ExecutionResolver: Sendable {
    private let log: any LogReading
    private let history: History
    private let fanout: Fanout
    private let chunkBytes: Int
    private let loading = SharedWork<String, Void, EventLogError>()
    private let searching = SharedWork<Search, [ExecutionSpan], EventLogError>()
    private let tracking = SharedWork<Search, ExecutionTrack, EventLogError>()

    /// The key of a search in the log.
    private struct Search: Hashable, Sendable {
        var subject: String
        /// The execution to read, or the current one whose predecessors are searched.
        var run: ExecutionRun?
    }

    /// How long to wait for the feed to reach the log's end.
    private static let patience: Duration = .seconds(3)

    init(log: any LogReading, history: History, fanout: Fanout, chunkBytes: Int) {
        self.log = log
        self.history = history
        self.fanout = fanout
        self.chunkBytes = chunkBytes
    }

    /// Resolves where a viewer begins.
    ///
    /// - Parameters:
    ///   - reference: the agent or workflow that is viewed.
    ///   - encoder: the encoder of the viewer's stream.
    ///   - run: the execution requested; nil for the current one.
    ///   - number: the number of the last event seen; nil for none.
    ///   - waits: whether to wait until the first execution begins.
    func answer(
        _ reference: ExecutionReference,
        in encoder: any StreamEncoder,
        run: ExecutionRun?,
        after number: ExecutionNumber?,
        waits: Bool
    ) async throws(EventLogError) -> ExecutionAnswer {
        let generation = self.fanout.feed.position.generation
        let lease = ExecutionLease(reference, in: self.fanout)
        let bounds = try await self.history.bounds()
        let end = bounds.lastSequence
        try await self.load(reference, encoder, bounds, generation: generation)
        try await self.untilFeedReached(end)
        guard let track = self.fanout.runs(of: reference)?.current else { throw .unavailable("The log was replaced. Try again.") }
        func begins(after sequence: UInt64, _ run: ExecutionRun?, gap: StreamPlace.Gap? = nil) -> ExecutionAnswer {
            .begins(StreamPlace(sequence: sequence, gap: gap, generation: generation, lease: lease), run: run)
        }
        func begins(in track: ExecutionTrack, after number: ExecutionNumber?) -> ExecutionAnswer? {
            switch track.place(after: number) {
            case .after(let sequence): begins(after: sequence, track.run)
            case .expired(let sequence): begins(after: sequence, track.run, gap: .expired)
            case .beyondEnd: begins(after: track.beforeFirst, track.run, gap: .unknownCursor)
            case .seenAll: .seenAll
            case nil: nil
            }
        }
        if let run, run != track.run {
            let formers = try await self.formers(reference, before: track, through: end)
            guard let span = formers.last(where: { $0.run == run }) else { return .unknown }
            return begins(in: try await self.track(span, of: reference), after: number) ?? .unknown
        }
        guard let current = track.span else {
            // Without an execution, no number is known.
            return waits ? begins(after: end, nil, gap: number.map { _ in .unknownCursor }) : .unknown
        }
        if let number, number < current.numbers.lowerBound {
            let formers = try await self.formers(reference, before: track, through: end)
            switch ExecutionSearch.find(number, in: formers + [current]) {
            case .within(let span), .before(let span):
                guard run == nil, span.run != current.run else { break }
                return begins(in: try await self.track(span, of: reference), after: number) ?? .unknown
            case .seenAll:
                guard run == nil else { break }
                return .seenAll
            case .gone: return begins(after: track.beforeFirst, track.run, gap: .expired)
            }
        }
        return begins(in: track, after: number) ?? .unknown
    }

    /// Returns the executions before the current one, in the log's order. Rarely needed: the first request searches the log.
    private func formers(
        _ reference: ExecutionReference,
        before current: ExecutionTrack,
        through end: UInt64
    ) async throws(EventLogError) -> [ExecutionSpan] {
        if let formers = self.fanout.runs(of: reference)?.formers { return formers }
        return try await self.searching.value(for: Search(subject: reference.subject, run: current.run)) { () async throws(EventLogError) in
            // Another search may have ended since.
            if let formers = self.fanout.runs(of: reference)?.formers { return formers }
            return try await self.history.turns.run(for: reference.tenant) { () async throws(EventLogError) in
                try await self.searchFormers(reference, before: current, through: end)
            }
        }
    }

    private func searchFormers(
        _ reference: ExecutionReference,
        before current: ExecutionTrack,
        through end: UInt64
    ) async throws(EventLogError) -> [ExecutionSpan] {
        var formers: [ExecutionSpan] = []
        var track = ExecutionTrack()
        try await self.read(reference, after: 0, through: current.span == nil ? end : current.beforeFirst) { entry in
            guard let place = entry.execution, place.run != current.run else { return }
            if place.run != track.run, let span = track.span { formers.append(span) }
            _ = track.take(place, sequence: entry.sequence)
        }
        if let span = track.span { formers.append(span) }
        self.fanout.remember(formers, before: current.run, of: reference)
        return formers
    }

    /// Reads the numbers and positions of a former execution.
    private func track(_ span: ExecutionSpan, of reference: ExecutionReference) async throws(EventLogError) -> ExecutionTrack {
        try await self.tracking.value(for: Search(subject: reference.subject, run: span.run)) { () async throws(EventLogError) in
            try await self.history.turns.run(for: reference.tenant) { () async throws(EventLogError) in
                try await self.readTrack(span, of: reference)
            }
        }
    }

    private func readTrack(_ span: ExecutionSpan, of reference: ExecutionReference) async throws(EventLogError) -> ExecutionTrack {
        var track = ExecutionTrack()
        try await self.read(reference, after: max(span.firstSequence, 1) - 1, through: span.lastSequence) { entry in
            guard let place = entry.execution, place.run == span.run else { return }
            _ = track.take(place, sequence: entry.sequence)
        }
        return track
    }

    // MARK: Loading

    /// Loads the execution into memory, unless it is loaded. Concurrent calls share one read (single-flight).
    ///
    /// - Parameter bounds: the log's bounds, read after the execution was followed.
    private func load(
        _ reference: ExecutionReference,
        _ encoder: any StreamEncoder,
        _ bounds: LogBounds,
        generation: UInt32
    ) async throws(EventLogError) {
        guard self.fanout.runs(of: reference) == nil else { return }
        try await self.loading.value(for: reference.subject) { () async throws(EventLogError) in
            guard self.fanout.runs(of: reference) == nil else { return }
            try await self.history.turns.run(for: reference.tenant) { () async throws(EventLogError) in
                try await self.loadPages(of: reference, encoder, bounds, generation: generation)
            }
        }
    }

    private func loadPages(
        of reference: ExecutionReference,
        _ encoder: any StreamEncoder,
        _ bounds: LogBounds,
        generation: UInt32
    ) async throws(EventLogError) {
        // Entries up to the bounds are read here; later ones come from the feed.
        let tail = try await self.log.execution(of: reference)
        let start = tail.map { max($0.start ?? 1, bounds.firstSequence, 1) - 1 } ?? bounds.lastSequence
        let position = ChainPosition(generation: generation, sequence: start)
        let chain = PageChain(source: .execution(reference), encoder: encoder, position: position)
        var runs = ExecutionRuns()
        if tail != nil {
            let budget = self.fanout.budgetForNextExecution(of: reference.tenant)
            var scratch: [UInt8] = []
            try await self.read(reference, after: start, through: bounds.lastSequence) { entry in
                guard runs.take(entry) else { return }
                chain.append(entry, cursor: entry.cursor(epoch: bounds.epoch), scratch: &scratch, budget: budget)
            }
        }
        guard self.fanout.loaded(runs, of: reference, in: chain, generation: generation) else {
            throw EventLogError.unavailable("The log was replaced. Try again.")
        }
    }

    /// Reads a subject in pieces.
    private func read(
        _ reference: ExecutionReference,
        after start: UInt64,
        through end: UInt64,
        _ take: (LogEntry) -> Void
    ) async throws(EventLogError) {
        var position = start
        while position < end {
            let piece = try await self.log.read(.execution(reference), after: position, through: end, maxBytes: self.chunkBytes)
            for entry in piece.entries { take(entry) }
            guard piece.position > position else { throw .unavailable("The log could not be read to its end. Try again.") }
            position = piece.position
        }
    }

    /// Waits until everything up to `sequence` is in the pages.
    private func untilFeedReached(_ sequence: UInt64) async throws(EventLogError) {
        let deadline = ContinuousClock.now.advanced(by: Self.patience)
        var pause = Backoff(first: .milliseconds(1), longest: .milliseconds(50))
        while self.fanout.feed.position.sequence < sequence {
            guard ContinuousClock.now < deadline else { throw .unavailable("The log is followed with a delay. Retry later.") }
            try? await Task.sleep(for: pause.pause())
            if Task.isCancelled { throw EventLogError(code: .cancelled, message: "The call was cancelled.") }
        }
    }
}
