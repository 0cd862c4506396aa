import Basics
import NATSClient

extension EventLog {
    /// How long a refusal for lack of room counts when nothing but the next append can tell whether there is room again.
    private static let patience: Duration = .seconds(30)
    /// More than the store adds to a message, in bytes.
    private static let overhead = 1024
    /// No stream can have this name, so a message that expects it is never stored.
    private static let noStream = "no.stream"

    /// Checks whether events can be stored, as far as that can be known without storing one.
    ///
    /// Looks at the stream as ``open(on:configuration:logger:isWaiting:)`` does, and at those beside it that exist. An append that was refused is
    /// tried again with a message that the server judges and never stores, so that a process without traffic finds out that the refusal is over.
    ///
    /// - Parameter streams: the streams beside the log that the process writes to.
    /// - Throws: an error whose message says what keeps events from being stored and what to do about it.
    public func checkWritable(beside streams: [SideStream] = []) async throws(EventLogError) {
        _ = try await inspect()
        for stream in streams { _ = try await stream.existing() }
        for name in [configuration.streamName] + streams.map(\.name) {
            if let refusal = writes.refusal(of: name) { try await check(refusal, of: name) }
        }
    }

    private func check(_ refusal: WriteStanding.Refusal, of stream: String) async throws(EventLogError) {
        switch refusal.reason {
        case .place: try await probe(refusal, of: stream)
        case .room:
            let info = stream == configuration.streamName ? try await streamInfo() : nil
            if let info, let fault = StreamRequirements.overflow(of: info, by: refusal.size + Self.overhead) { throw .notWritable(fault) }
            // A stream that drops its oldest is full only while its server is.
            let dropsOldest = info?.configuration.discard != .new
            guard !dropsOldest || refusal.metAt.duration(to: .now) > Self.patience else { throw refusal.error }
        }
        writes.isOver(refusal, of: stream)
    }

    /// Sends a message to where one was refused, that the server refuses for the stream it expects, once it would take it otherwise.
    private func probe(_ refusal: WriteStanding.Refusal, of stream: String) async throws(EventLogError) {
        do throws(JetStreamError) {
            _ = try await jetStream.publish(subject: refusal.subject, headers: ["Nats-Expected-Stream": Self.noStream], payload: [])
        } catch {
            guard error.code != .streamMismatch else { return }
            throw appendFailed(error, on: refusal.subject, size: refusal.size, of: stream)
        }
    }

    // MARK: What appends report

    /// An append to the log was stored.
    func appendStored() { writes.stored(in: configuration.streamName) }

    /// What the failure of an append means to its caller. A refusal that concerns more than this message is remembered for ``checkWritable(beside:)``.
    ///
    /// - Parameters:
    ///   - subject: where the message was published.
    ///   - size: what it takes of the server's `max_payload`.
    ///   - stream: where it was to be stored; nil for the log.
    func appendFailed(_ error: JetStreamError, on subject: String, size: Int, of stream: String? = nil) -> EventLogError {
        let meaning = error.isFinalForAppends ? EventLogError.notWritable(error.message) : EventLogError(error)
        if let reason = WriteStanding.Refusal.Reason(error) {
            let refusal = WriteStanding.Refusal(reason: reason, error: meaning, subject: subject, size: size, metAt: .now)
            writes.refused(refusal, by: stream ?? configuration.streamName)
        }
        return meaning
    }

    /// Looks at the stream after an append failed: creates it when it is gone, and finds what no repetition mends.
    ///
    /// - Throws: ``EventLogError/Code/incompatibleStream``, or ``EventLogError/Code/notWritable`` for a stream that is full and drops nothing.
    ///   Outages are left to the append, which waits for them anyway.
    func lookAfter(_ failure: EventLogError) async throws(EventLogError) {
        // A stream that answered is there.
        guard isConnected, failure.code != .busy else { return }
        do throws(EventLogError) {
            try await renewEpoch()
            // The server has said that the message does not fit; a stream that drops its oldest makes room.
            guard failure.code == .full, let fault = StreamRequirements.overflow(of: try await streamInfo(), by: .max) else { return }
            throw EventLogError.notWritable(fault)
        } catch {
            guard error.isRetriable else { throw error }
        }
    }
}

extension JetStreamError {
    /// Whether an append that failed so fails again until somebody changes something on the bus.
    fileprivate var isFinalForAppends: Bool { code == .notPermitted || code == .sealed }
}

extension EventLogError {
    /// An error of code ``Code/notWritable``.
    static func notWritable(_ message: String) -> EventLogError { EventLogError(code: .notWritable, message: message) }
}
