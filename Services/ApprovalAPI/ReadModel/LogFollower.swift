import Basics
import EventLog
import EventModel
import GRDB
import Logging
import Synchronization

/// Applies the log to the read model.
///
/// Continues at the model's position. When the log was replaced, or the file turns out to be damaged, the model is rebuilt and never repaired. While
/// the file cannot be written, it retries with backoff.
final class LogFollower: Sendable {
    private let log: EventLog
    private let model: ReadModel
    private let logger: Logger
    private let current = Mutex<(feed: LogFeed, queue: ChangeQueue)?>(nil)
    /// Interval of pruning without requests.
    private static let pruneInterval: Duration = .seconds(2)
    /// Number of prunings between removals of read marks without notification.
    private static let tidyRounds = 30
    /// Pause between two attempts.
    private static let pause: Duration = .milliseconds(250)

    init(log: EventLog, model: ReadModel, logger: Logger) {
        self.log = log
        self.model = model
        self.logger = logger
    }

    /// Whether the model is live: it has everything the log held when the following began, and the server is responding.
    var isFollowing: Bool {
        let end = end.load(ordering: .acquiring)
        return model.isWhole && model.log.position >= end && current.withLock { $0?.feed.isFollowing ?? false }
    }

    /// Number of changes read and not yet written.
    var waitingChanges: Int { current.withLock { $0?.queue.count ?? 0 } }

    /// The log's end when the following began.
    private let end = Atomic<UInt64>(.max)

    /// Follows until the task is cancelled.
    ///
    /// - Throws: a permanent ``EventLogError`` or ``ReadModelError``.
    func run() async throws {
        var isRecognised = true
        var pauses = StoragePauses()
        while !Task.isCancelled {
            var pause = Self.pause
            do {
                try await model.open()
                isRecognised = try await !follow(isRecognised: isRecognised)
                continue
            } catch let trouble as StorageTrouble {
                pause = pauses.pause(after: trouble)
            } catch is ReadModel.Recreated {
                pause = pauses.pause(after: .damaged(""))
            } catch let error as EventLogError where error.isRetriable {
                logger.notice("cannot follow the log, trying again", metadata: [LogKey.error: "\(error)"])
            }
            try? await Task.sleep(for: pause)
        }
    }

    /// Follows one epoch of the log; returns when it has ended.
    ///
    /// - Parameter isRecognised: false when the feed found that the model was built from another log.
    /// - Returns: whether the model must be rebuilt.
    private func follow(isRecognised: Bool) async throws -> Bool {
        end.store(.max, ordering: .releasing)
        let kept = try await log.retention()
        let isRecognised = isRecognised ? try await recognises(model.progress()) : false
        let progress = try await model.followLog(kept, isRecognised: isRecognised)
        end.store(kept.lastSequence, ordering: .releasing)
        if progress.logPosition >= kept.lastSequence { model.noteLogCaughtUp(progress.generation) }
        let queue = ChangeQueue()
        let feed = LogFeed(log: log, after: progress.logPosition, stamp: progress.logStamp, observer: queue, logger: logger)
        current.withLock { $0 = (feed, queue) }
        defer { current.withLock { $0 = nil } }
        return try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await feed.run()
                return false
            }
            group.addTask { try await self.write(queue, progress, end: kept.lastSequence) }
            group.addTask { try await self.prune(progress.generation) }
            group.addTask {
                await self.model.end(of: progress.generation)
                throw ReadModel.Recreated()
            }
            defer {
                queue.close()
                group.cancelAll()
            }
            // The first to end ends this epoch: the writer when the log was replaced, any of them with an error.
            return try await group.next() ?? false
        }
    }

    /// Returns whether the log still has the model's last message. If that was deleted, the model is rebuilt.
    private func recognises(_ progress: ReadModel.Progress) async throws -> Bool {
        guard progress.logPosition > 0 else { return true }
        guard let stamp = progress.logStamp, progress.logEpoch == log.epoch else { return false }
        if try await log.recognises([stamp]) == true { return true }
        logger.warning(
            "the log no longer holds the last message that the read model applied: rebuilding the read model",
            metadata: [LogKey.sequence: "\(stamp.sequence)"]
        )
        return false
    }

    /// Writes the queued changes.
    ///
    /// - Returns: true when the log was replaced, false when the queue was closed.
    private func write(_ queue: ChangeQueue, _ progress: ReadModel.Progress, end: UInt64) async throws -> Bool {
        let start = ContinuousClock.now
        let behind = end - min(progress.logPosition, end)
        var isCatchingUp = true
        for await _ in queue.arrivals {
            while let batch = queue.take() {
                if batch.isReplaced { return true }
                try await model.apply(
                    batch.changes,
                    position: batch.position,
                    stamp: batch.stamp,
                    generation: progress.generation
                )
                guard isCatchingUp, batch.position >= end else { continue }
                isCatchingUp = false
                model.noteLogCaughtUp(progress.generation)
                reportCaughtUp(behind, after: ContinuousClock.now - start)
            }
        }
        return false
    }

    private func reportCaughtUp(_ entries: UInt64, after duration: Duration) {
        let seconds = duration / .seconds(1)
        logger.info(
            "the read model has caught up with the log",
            metadata: [
                LogKey.entries: "\(entries)", LogKey.duration: "\(seconds)",
                LogKey.entriesPerSecond: "\(Int(Double(entries) / max(seconds, 0.001)))",
            ]
        )
    }

    /// Removes what the log no longer keeps.
    ///
    /// - Returns: true when that requires a rebuild, false when the task was cancelled.
    private func prune(_ generation: Int) async throws -> Bool {
        var round = 0
        while !Task.isCancelled {
            let life = model.logLife
            if let kept = try? await log.retention(), kept.epoch == model.logEpoch,
                await model.log.wait(for: kept.lastSequence, atMost: Self.pruneInterval)
            {
                guard try await model.drop(keeping: kept, life: life) else { return true }
                if round.isMultiple(of: Self.tidyRounds) { try await model.tidyMarks(generation: generation) }
                round += 1
            }
            try await Task.sleep(for: Self.pruneInterval)
        }
        return false
    }
}
