import Basics
import EventLog
import GRDB
import Logging
import NATSClient
import Synchronization

/// Applies a stream beside the log to the read model.
final class SideStreamFollower: Sendable {
    /// Turns messages, in their order, into a change of the database; reports those that it skips.
    typealias Changes = @Sendable ([JetStreamMessage], Logger) -> @Sendable (Database) throws -> Void

    private let source: ReadModel.SideSource
    private let stream: FollowedStream
    private let model: ReadModel
    private let logger: Logger
    private let changes: Changes
    private let following = Atomic<Bool>(false)

    init(_ source: ReadModel.SideSource, of stream: FollowedStream, model: ReadModel, logger: Logger, changes: @escaping Changes) {
        self.source = source
        self.stream = stream
        self.model = model
        self.logger = logger
        self.changes = changes
    }

    /// Whether the follower is running and the model has every message that was stored when it began.
    var isFollowing: Bool { following.load(ordering: .acquiring) }

    /// Follows until the task is cancelled.
    ///
    /// - Throws: a permanent ``ReadModelError``.
    func run() async throws {
        var pause = Backoff(first: .milliseconds(100), longest: .seconds(5))
        var pauses = StoragePauses()
        while !Task.isCancelled {
            var storagePause: Duration?
            do {
                try await model.open()
                try await followUntilTheFileEnds()
            } catch let trouble as StorageTrouble {
                storagePause = pauses.pause(after: trouble)
            } catch is ReadModel.Recreated {
                storagePause = pauses.pause(after: .damaged(""))
            } catch let error as EventLogError {
                if error.code == .cancelled || error.code == .closed { return }
                logger.notice(
                    "cannot follow a stream beside the log, trying again",
                    metadata: [LogKey.stream: "\(stream.store.name)", LogKey.error: "\(error)"]
                )
            }
            if following.exchange(false, ordering: .acquiringAndReleasing) { pause.reset() }
            try? await Task.sleep(for: storagePause ?? pause.pause())
        }
    }

    /// Follows until the file is replaced, which is noticed even while no messages arrive.
    private func followUntilTheFileEnds() async throws {
        let generation = model.generation
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.follow() }
            group.addTask {
                await self.model.end(of: generation)
                throw ReadModel.Recreated()
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func follow() async throws {
        let info = try await stream.store.ensure()
        let end = info.state.lastSequence
        let known = try await model.progress(of: source)
        // Without a position there is nothing to compare. If the last message has expired, everything is read again: few are left then.
        var isRecognised = known.position == 0
        if !isRecognised, let stamp = known.stamp { isRecognised = try await stream.recognises(stamp) ?? false }
        let progress = try await model.follow(source, life: info.created, last: end, isRecognised: isRecognised)
        var reading = try await stream.reading(after: progress.position, created: info.created)
        // Messages in between that are no longer kept will not arrive.
        if reading.isAtEnd { try await apply([], position: end, stamp: nil, progress.generation, end: end) }
        var reached = progress.position
        while !Task.isCancelled {
            let wasAtEnd = reading.isAtEnd
            let messages = try await reading.next(atMost: FollowedStream.pullWait)
            guard let last = messages.last else {
                if !wasAtEnd { try await apply([], position: max(reached, end), stamp: nil, progress.generation, end: end) }
                continue
            }
            reached = last.metadata.streamSequence
            let stamp = LogStamp(sequence: reached, storedAt: last.metadata.timestamp)
            try await apply(messages, position: reading.isAtEnd ? max(reached, end) : reached, stamp: stamp, progress.generation, end: end)
            try await stream.acknowledge(last)
        }
    }

    private func apply(
        _ messages: [JetStreamMessage],
        position: UInt64,
        stamp: LogStamp?,
        _ generation: Int,
        end: UInt64
    ) async throws {
        try await model.apply(changes(messages, logger), of: source, position: position, stamp: stamp, generation: generation)
        guard position >= end else { return }
        following.store(true, ordering: .releasing)
        model.noteCaughtUp(source, generation)
    }
}
