import Basics
import Logging
public import NATSClient

/// A stream beside the log: created when absent, verified when present, never changed.
///
/// On the same servers and in the same storage as the log. Any thread.
public struct SideStream: Sendable {
    private let log: EventLog
    private let configuration: StreamConfiguration

    /// Describes a stream that may not exist yet.
    ///
    /// - Parameters:
    ///   - log: The log, which determines storage and replicas.
    ///   - configuration: Name, subjects and limits.
    public init(beside log: EventLog, _ configuration: StreamConfiguration) {
        self.log = log
        var configuration = configuration
        configuration.storage = log.configuration.streamStorage
        configuration.replicas = log.configuration.replicas
        self.configuration = configuration
    }

    /// The stream's name.
    public var name: String { configuration.name }

    /// Returns the stream; creates it if absent.
    ///
    /// - Throws: ``EventLogError/Code/incompatibleStream`` when a stream of this name is unusable; retriable errors in an outage.
    @discardableResult
    public func ensure() async throws(EventLogError) -> StreamInfo {
        if let info = try await existing() { return info }
        do throws(JetStreamError) {
            let info = try await log.jetStream.createStream(configuration)
            log.logger.notice("created a stream beside the log", metadata: [LogKey.stream: "\(name)"])
            return info
        } catch {
            guard error.code == .streamNameInUse || error.code == .subjectsOverlap else { throw EventLogError(error) }
            // Another process created it concurrently.
            if let info = try await existing() { return info }
            guard error.code == .streamNameInUse else { throw EventLogError(error) }
            throw .unavailable("The stream \(name) is being created by another process. Try again.")
        }
    }

    /// Returns the stream; nil if absent.
    ///
    /// - Throws: as ``ensure()``.
    public func existing() async throws(EventLogError) -> StreamInfo? {
        let info: StreamInfo
        do throws(JetStreamError) {
            info = try await log.jetStream.streamInfo(name)
        } catch {
            guard error.code == .streamNotFound else { throw EventLogError(error) }
            return nil
        }
        if let fault = StreamRequirements.fault(of: info, like: configuration) {
            throw EventLogError(code: .incompatibleStream, message: fault)
        }
        return info
    }

    /// Publishes a message; creates the stream when the subject has none.
    ///
    /// A single attempt: the errors of an absent stream and of an outage are retriable.
    ///
    /// - Returns: the acknowledgement; nil when the compare-and-set failed: the subject's last message is not the expected one.
    /// - Throws: ``EventLogError/Code/incompatibleStream``, ``EventLogError/Code/notWritable``, ``EventLogError/Code/unavailable`` and others.
    public func publish(
        subject: String,
        headers: NATSHeaders = [:],
        payload: [UInt8],
        messageID: String? = nil,
        expectedLastSubjectSequence: UInt64? = nil,
        timeout: Duration? = nil
    ) async throws(EventLogError) -> PublishAck? {
        do throws(JetStreamError) {
            let ack = try await log.jetStream.publish(
                subject: subject,
                headers: headers,
                payload: payload,
                messageID: messageID,
                expectedLastSubjectSequence: expectedLastSubjectSequence,
                timeout: timeout
            )
            if !ack.isDuplicate { log.writes.stored(in: name) }
            return ack
        } catch {
            if error.code == .wrongLastSequence { return nil }
            // The stream is absent: this is the first message, or the stream was deleted. Not a refusal to remember.
            if error.code == .noResponders || error.code == .streamNotFound {
                if log.isConnected { try await ensure() }
                throw EventLogError(error)
            }
            throw log.appendFailed(error, on: subject, size: payload.count, of: name)
        }
    }

    /// Publishes messages in order without waiting for each, then waits for all acknowledgements; creates the stream when their subjects have
    /// none.
    ///
    /// A single attempt.
    ///
    /// - Returns: one error for each message, in the same order; nil for a stored one.
    public func publish(inOrder messages: [OutgoingMessage], timeout: Duration? = nil) async -> [EventLogError?] {
        let results = await log.jetStream.publish(inOrder: messages, timeout: timeout)
        var errors: [EventLogError?] = []
        var isAbsent = false
        for (message, result) in zip(messages, results) {
            switch result {
            case .success(let ack):
                if !ack.isDuplicate { log.writes.stored(in: name) }
                errors.append(nil)
            case .failure(let error) where error.code == .noResponders || error.code == .streamNotFound:
                isAbsent = true
                errors.append(EventLogError(error))
            case .failure(let error):
                errors.append(log.appendFailed(error, on: message.subject, size: message.encodedCount, of: name))
            }
        }
        guard isAbsent, log.isConnected else { return errors }
        do throws(EventLogError) {
            try await ensure()
            return errors
        } catch {
            return errors.map { $0 == nil ? nil : error }
        }
    }

    /// Returns the first message behind a sequence whose subject matches a filter, read from the stream's leader; nil if no message
    /// matches.
    public func next(after sequence: UInt64, matching filter: String) async throws(EventLogError) -> StoredMessage? {
        guard sequence < .max else { return nil }
        do throws(JetStreamError) {
            return try await log.jetStream.nextMessage(stream: name, from: sequence + 1, matching: filter)
        } catch {
            guard error.code == .messageNotFound || error.code == .streamNotFound else { throw EventLogError(error) }
            return nil
        }
    }
}
