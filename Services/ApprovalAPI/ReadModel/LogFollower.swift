import EventLog
import EventModel
import GRDB
import Logging
import Synchronization

/// Keeps the read model in step with the log.
///
/// It goes on where the model ended. When the log is another than the model was drawn from, or the model's file turns out to be damaged, the model
/// is begun anew: nothing is patched.
final class LogFollower: Sendable {
    private let log: EventLog
    private let model: ReadModel
    private let logger: Logger
    private let current = Mutex<(feed: LogFeed, queue: ChangeQueue)?>(nil)
    /// How often what the log no longer keeps is dropped from the model.
    private static let pruneInterval: Duration = .seconds(2)
    /// Between two attempts.
    private static let pause: Duration = .milliseconds(250)

    init(log: EventLog, model: ReadModel, logger: Logger) {
        self.log = log
        self.model = model
        self.logger = logger
    }

    /// Whether the model is live: everything is written that the log held when the following began, and the server was heard just now.
    var isFollowing: Bool {
        let end = end.load(ordering: .acquiring)
        return model.log.position >= end && current.withLock { $0?.feed.isFollowing ?? false }
    }

    /// How many changes have been read and not been written yet.
    var waitingChanges: Int { current.withLock { $0?.queue.count ?? 0 } }

    /// The end of the log when the following began.
    private let end = Atomic<UInt64>(.max)

    /// Follows until the task is cancelled.
    ///
    /// - Throws: an ``EventLogError`` or ``ReadModelError`` that waiting does not mend.
    func run() async throws {
        while !Task.isCancelled {
            let generation = model.generation
            do {
                try await follow()
                continue
            } catch let error as DatabaseError {
                logger.error("the read model is damaged and is made anew from the log", metadata: ["error": "\(error.message ?? "")"])
                try model.recreate(generation)
            } catch is ReadModel.Recreated {
                // Begun again below.
            } catch let error as EventLogError where error.isRetriable {
                logger.notice("the log cannot be followed at the moment", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: Self.pause)
        }
    }

    /// Follows one life of the log; returns when it has ended.
    private func follow() async throws {
        end.store(.max, ordering: .releasing)
        let bounds = try await log.bounds()
        let progress = try await model.followLog(
            epoch: bounds.epoch,
            last: bounds.lastSequence,
            isRecognised: try await isRecognised(model.progress().logStamp, bounds)
        )
        end.store(bounds.lastSequence, ordering: .releasing)
        let queue = ChangeQueue()
        let feed = LogFeed(log: log, after: progress.logPosition, stamp: progress.logStamp, observer: queue, logger: logger)
        current.withLock { $0 = (feed, queue) }
        defer { current.withLock { $0 = nil } }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await feed.run() }
            group.addTask { try await self.write(queue, progress, end: bounds.lastSequence) }
            group.addTask { try await self.prune(progress.generation) }
            defer {
                queue.close()
                group.cancelAll()
            }
            // Whichever ends first ends this life: the writer when the log was replaced, any of them with an error.
            try await group.next()
        }
    }

    /// Whether the log is still the one that the model was drawn from, by the message that was read last. One that has expired says nothing; one
    /// that was deleted is as good as another.
    private func isRecognised(_ stamp: LogStamp?, _ bounds: LogBounds) async throws(EventLogError) -> Bool {
        guard let stamp else { return true }
        let isRecognised = try await log.recognises([stamp]) ?? (stamp.sequence < bounds.firstSequence)
        if !isRecognised {
            logger.warning(
                "the log is not the one that the read model was drawn from, and the model is made anew from it",
                metadata: ["log.sequence": "\(stamp.sequence)"]
            )
        }
        return isRecognised
    }

    /// Writes what the feed tells, and returns when the log was replaced.
    private func write(_ queue: ChangeQueue, _ progress: ReadModel.Progress, end: UInt64) async throws {
        let start = ContinuousClock.now
        let behind = end - min(progress.logPosition, end)
        var isCatchingUp = true
        for await _ in queue.arrivals {
            while let batch = queue.take() {
                if batch.isReplaced { return }
                try await model.apply(
                    batch.changes,
                    position: batch.position,
                    stamp: batch.stamp ?? progress.logStamp,
                    generation: progress.generation
                )
                guard isCatchingUp, batch.position >= end else { continue }
                isCatchingUp = false
                reportCaughtUp(behind, after: ContinuousClock.now - start)
            }
        }
    }

    private func reportCaughtUp(_ entries: UInt64, after duration: Duration) {
        let seconds = duration / .seconds(1)
        logger.info(
            "the read model has caught up with the log",
            metadata: [
                "log.entries": "\(entries)", "duration_s": "\(seconds)", "entries_per_s": "\(Int(Double(entries) / max(seconds, 0.001)))",
            ]
        )
    }

    private func prune(_ generation: Int) async throws {
        var pruned = LogRetention(epoch: log.epoch, firstSequence: 0, lastSequence: 0)
        while !Task.isCancelled {
            if let retention = try? await log.retention(), retention.epoch == pruned.epoch {
                let deleted = retention.deleted.ranges(notIn: pruned.deleted)
                if retention.firstSequence != pruned.firstSequence || !deleted.isEmpty {
                    try await model.prune(before: retention.firstSequence, deleted: deleted, generation: generation)
                }
                pruned = retention
            }
            try await Task.sleep(for: Self.pruneInterval)
        }
    }
}
