import Logging
public import NATSClient

/// A stream beside the log: created when it is missing, judged when it is there, never changed.
///
/// It lies on the same servers and in the same kind of storage as the log. May be used from any thread.
public struct SideStream: Sendable {
    private let log: EventLog
    private let configuration: StreamConfiguration

    /// A stream that need not exist yet.
    ///
    /// - Parameters:
    ///   - log: the log that it is beside, which decides storage and replicas.
    ///   - configuration: name, subjects and limits.
    public init(beside log: EventLog, _ configuration: StreamConfiguration) {
        self.log = log
        var configuration = configuration
        configuration.storage = log.configuration.streamStorage
        configuration.replicas = log.configuration.replicas
        self.configuration = configuration
    }

    /// The stream's name.
    public var name: String { configuration.name }

    /// The stream, created if there is none.
    ///
    /// - Throws: ``EventLogError/Code/incompatibleStream`` with a sentence when a stream of this name cannot be used; retriable errors in an outage.
    @discardableResult
    public func ensure() async throws(EventLogError) -> StreamInfo {
        if let info = try await existing() { return info }
        do throws(JetStreamError) {
            let info = try await log.jetStream.createStream(configuration)
            log.logger.notice("created a stream beside the log", metadata: ["log.stream": "\(name)"])
            return info
        } catch {
            guard error.code == .streamNameInUse else { throw EventLogError(error) }
        }
        // Another process was quicker.
        if let info = try await existing() { return info }
        throw .unavailable("The stream \(name) is being created by another process. Try again.")
    }

    /// The stream; nil when there is none.
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

    /// Stores a message; the stream is created when nothing takes the subject.
    ///
    /// A single attempt: the error of one that found no stream is retriable, and so is that of an outage.
    ///
    /// - Returns: the acknowledgement; nil when the subject's last message is not the expected one.
    /// - Throws: ``EventLogError/Code/incompatibleStream``, ``EventLogError/Code/notWritable``, ``EventLogError/Code/unavailable`` and others.
    public func publish(
        subject: String,
        payload: [UInt8],
        messageID: String? = nil,
        expectedLastSubjectSequence: UInt64? = nil,
        timeout: Duration? = nil
    ) async throws(EventLogError) -> PublishAck? {
        do throws(JetStreamError) {
            let ack = try await log.jetStream.publish(
                subject: subject,
                payload: payload,
                messageID: messageID,
                expectedLastSubjectSequence: expectedLastSubjectSequence,
                timeout: timeout
            )
            if !ack.isDuplicate { log.writes.stored(in: name) }
            return ack
        } catch {
            if error.code == .wrongLastSequence { return nil }
            // The stream is missing: this is the first message ever, or somebody deleted it. That is no refusal to remember.
            if error.code == .noResponders || error.code == .streamNotFound {
                if log.isConnected { try await ensure() }
                throw EventLogError(error)
            }
            throw log.appendFailed(error, on: subject, size: payload.count, of: name)
        }
    }
}
