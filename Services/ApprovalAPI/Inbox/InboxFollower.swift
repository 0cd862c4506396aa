import Basics
import EventLog
import GRDB
import Logging
import NATSClient
import Synchronization

/// Applies the read marks' stream to the read model.
final class InboxFollower: Sendable {
    private let stream: InboxStream
    private let model: ReadModel
    private let logger: Logger
    private let following = Atomic<Bool>(false)

    /// How long the server holds a pull request open.
    private static let wait: Duration = .seconds(5)

    init(stream: InboxStream, model: ReadModel, logger: Logger) {
        self.stream = stream
        self.model = model
        self.logger = logger
    }

    /// Whether the follower is running and the model has every mark that was stored when it began.
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
                logger.notice("cannot follow the read marks, trying again", metadata: [LogKey.error: "\(error)"])
            }
            if following.exchange(false, ordering: .acquiringAndReleasing) { pause.reset() }
            try? await Task.sleep(for: storagePause ?? pause.pause())
        }
    }

    /// Follows until the file is replaced, which is noticed even while no marks arrive.
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
        let known = try await model.progress()
        // Without a position there is nothing to compare. If the last mark has expired, everything is read again: few marks are left then.
        var isRecognised = known.inboxPosition == 0
        if !isRecognised, let stamp = known.inboxStamp { isRecognised = try await stream.recognises(stamp) ?? false }
        let progress = try await model.followInbox(life: info.created, last: end, isRecognised: isRecognised)
        let reading = try await stream.reading(after: progress.inboxPosition)
        var waiting = reading.pending
        // Messages in between that are no longer kept will not arrive.
        if waiting == 0 { try await apply([], position: end, stamp: nil, progress.generation, end: end) }
        while !Task.isCancelled {
            let messages = try await stream.next(of: reading, waiting: waiting, atMost: Self.wait)
            guard let last = messages.last else { continue }
            waiting = last.metadata.pending
            let marks = messages.compactMap { message in
                let mark = ReadMark(subject: message.message.subject, body: message.message.payload)
                if mark == nil {
                    logger.warning(
                        "skipped a message that is not a read mark",
                        metadata: [LogKey.inboxSequence: "\(message.metadata.streamSequence)"]
                    )
                }
                return mark.map { (place: message.metadata.streamSequence, mark: $0) }
            }
            let position = last.metadata.streamSequence
            let stamp = LogStamp(sequence: position, storedAt: last.metadata.timestamp)
            try await apply(marks, position: waiting == 0 ? max(position, end) : position, stamp: stamp, progress.generation, end: end)
            try await stream.acknowledge(last)
        }
    }

    private func apply(
        _ marks: [(place: UInt64, mark: ReadMark)],
        position: UInt64,
        stamp: LogStamp?,
        _ generation: Int,
        end: UInt64
    ) async throws {
        try await model.apply(marks, position: position, stamp: stamp, generation: generation)
        guard position >= end else { return }
        following.store(true, ordering: .releasing)
        model.noteInboxCaughtUp(generation)
    }
}
