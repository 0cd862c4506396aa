import Basics
import NATSClient

extension EventLog {
    /// How long a "no room" refusal is believed when only the next append can tell whether there is room.
    private static let patience: Duration = .seconds(30)
    /// Upper bound of the store's overhead per message, in bytes.
    private static let overhead = 1024
    /// No stream can have this name, so a message that expects it is never stored.
    private static let noStream = "no.stream"

    /// Checks whether events can be stored, as far as possible without storing one.
    ///
    /// Checks the stream as ``open(on:configuration:logger:isWaiting:)`` does, and the side streams that exist. After a refused append it probes
    /// with a message that the server checks and never stores, so that an idle process notices the end of the refusal.
    ///
    /// - Parameter streams: the side streams that the process writes to.
    /// - Throws: an error whose message has the cause and the remedy.
    public func checkWritable(beside streams: [SideStream] = []) async throws(EventLogError) {
        _ = try await inspect()
        for stream in streams { _ = try await noted(stream) }
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
            // A stream that drops its oldest is full only when its server is.
            let dropsOldest = info?.configuration.discard != .new
            guard !dropsOldest || refusal.metAt.duration(to: .now) > Self.patience else { throw refusal.error }
        }
        writes.isOver(refusal, of: stream)
    }

    /// Probes a refused subject with a message that expects an impossible stream: never stored, but rejected for that reason once it is writable.
    private func probe(_ refusal: WriteStanding.Refusal, of stream: String) async throws(EventLogError) {
        do throws(JetStreamError) {
            _ = try await jetStream.publish(subject: refusal.subject, headers: ["Nats-Expected-Stream": Self.noStream], payload: [])
        } catch {
            guard error.code != .streamMismatch else { return }
            throw appendFailed(error, on: refusal.subject, size: refusal.size, of: stream)
        }
    }

    // MARK: Results of appends

    /// Records a stored append.
    func appendStored() { writes.stored(in: configuration.streamName) }

    /// Converts an append's failure. Remembers a refusal that concerns more than this message, for ``checkWritable(beside:)``.
    ///
    /// - Parameters:
    ///   - subject: The message's subject.
    ///   - size: Its size as `max_payload` counts it, in bytes.
    ///   - stream: The side stream; nil for the log.
    func appendFailed(_ error: JetStreamError, on subject: String, size: Int, of stream: String? = nil) -> EventLogError {
        let meaning = error.isFinalForAppends ? EventLogError.notWritable(error.message) : EventLogError(error)
        if let reason = WriteStanding.Refusal.Reason(error) {
            let refusal = WriteStanding.Refusal(reason: reason, error: meaning, subject: subject, size: size, metAt: .now)
            writes.refused(refusal, by: stream ?? configuration.streamName)
        }
        return meaning
    }

    /// Checks the stream after a failed append: recreates it when it is absent, and finds faults that a retry does not fix.
    ///
    /// - Throws: ``EventLogError/Code/incompatibleStream``, or ``EventLogError/Code/notWritable`` for a stream that is full and drops nothing.
    ///   Outages are not thrown; the append retries through them.
    func lookAfter(_ failure: EventLogError) async throws(EventLogError) {
        // A stream that answered exists.
        guard isConnected, failure.code != .busy else { return }
        do throws(EventLogError) {
            try await renewEpoch()
            // The server said that the message does not fit. A stream that drops its oldest makes room.
            guard failure.code == .full, let fault = StreamRequirements.overflow(of: try await streamInfo(), by: .max) else { return }
            throw EventLogError.notWritable(fault)
        } catch {
            guard error.isRetriable else { throw error }
        }
    }
}

extension JetStreamError {
    /// Whether the append keeps failing until an operator changes something on the bus.
    fileprivate var isFinalForAppends: Bool { code == .notPermitted || code == .sealed }
}

extension EventLogError {
    /// An error of code ``Code/notWritable``.
    static func notWritable(_ message: String) -> EventLogError { EventLogError(code: .notWritable, message: message) }
}
