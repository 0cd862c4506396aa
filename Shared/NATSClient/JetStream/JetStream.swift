import FoundationEssentials

/// The JetStream of a NATS system: streams, what is in them, and consumers.
///
/// Every call is a request of JSON on `$JS.API.…` through the connection's shared inbox, so none blocks a thread, and each can be cancelled.
/// A value of this type is cheap; make one where it is needed.
public struct JetStream: Sendable {
    /// The connection that the calls go over.
    public let connection: NATSConnection
    /// How long a call waits for its answer, unless told otherwise.
    public let timeout: Duration

    /// Creates access over a connection.
    public init(_ connection: NATSConnection, timeout: Duration = .seconds(5)) {
        self.connection = connection
        self.timeout = timeout
    }

    /// Stores a message and waits until it is stored.
    ///
    /// If the outcome is unknown (``JetStreamError/isRetriable``), send the message again with the same id.
    ///
    /// - Parameters:
    ///   - subject: Where to; a stream must take it.
    ///   - headers: Headers.
    ///   - payload: The body.
    ///   - messageID: Makes a second message with the same id within the stream's duplicate window be acknowledged but not stored.
    ///   - expectedLastSubjectSequence: Has the message refused (``JetStreamError/Code/wrongLastSequence``) unless the last message of its
    ///     subject has this sequence; 0 for a subject that must have none: create once.
    ///   - timeout: How long to wait; nil for the usual time.
    /// - Throws: ``JetStreamError/Code/noResponders`` at once if no stream takes the subject; ``JetStreamError/Code/disconnected``,
    ///   ``JetStreamError/Code/timeout``, ``JetStreamError/Code/wrongLastSequence``, and whatever else the server refuses it with.
    public func publish(
        subject: String,
        headers: NATSHeaders = [:],
        payload: [UInt8],
        messageID: String? = nil,
        expectedLastSubjectSequence: UInt64? = nil,
        timeout: Duration? = nil
    ) async throws(JetStreamError) -> PublishAck {
        var headers = headers
        if let messageID { headers["Nats-Msg-Id"] = messageID }
        if let sequence = expectedLastSubjectSequence { headers["Nats-Expected-Last-Subject-Sequence"] = String(sequence) }
        do throws(NATSError) {
            try Subject.validate(forPublishing: subject)
            try headers.validate()
        } catch {
            throw JetStreamError(error)
        }
        return try await request(subject: subject, headers: headers, payload: payload, timeout: timeout) {
            (delivery) throws(JetStreamError) in
            try delivery.withPayload { (bytes) throws(JetStreamError) in try PublishAck(response: bytes) }
        }
    }

    /// Sends a request and makes a value of the answer where it lies.
    func request<Value: Sendable>(
        subject: String,
        headers: NATSHeaders = [:],
        payload: [UInt8],
        timeout: Duration?,
        decode: @escaping @Sendable (borrowing NATSDelivery) throws(JetStreamError) -> Value
    ) async throws(JetStreamError) -> Value {
        let answer = await connection.request(subject: subject, headers: headers, payload: payload, timeout: timeout ?? self.timeout) {
            delivery -> Result<Result<Value, JetStreamError>, NATSError> in
            do throws(JetStreamError) {
                return .success(.success(try decode(delivery)))
            } catch {
                return .success(.failure(error))
            }
        }
        switch answer {
        case .success(let answer): return try answer.get()
        case .failure(let error): throw JetStreamError(error)
        }
    }

    /// Sends a request of the API and decodes the answer or the refusal.
    func call<Answer: Decodable & Sendable>(
        _ operation: String,
        _ body: some Encodable,
        as _: Answer.Type = Answer.self,
        timeout: Duration? = nil
    ) async throws(JetStreamError) -> Answer {
        let answer: [UInt8]
        do throws(JetStreamError) {
            answer = try await request(subject: "$JS.API.\(operation)", payload: try encode(body), timeout: timeout) {
                (delivery) throws(JetStreamError) in
                delivery.withPayload { [UInt8]($0) }
            }
        } catch {
            throw error.code == .noResponders ? .switchedOff : error
        }
        do {
            let data = Data(answer)
            if let refusal = try JSONDecoder().decode(Refusal.self, from: data).error { throw JetStreamError(refusal) }
            return try JSONDecoder().decode(Answer.self, from: data)
        } catch let error as JetStreamError {
            throw error
        } catch {
            throw JetStreamError(.invalidResponse, "The answer to \(operation) is not understood: \(error).")
        }
    }

    /// The body of a request.
    func encode(_ body: some Encodable) throws(JetStreamError) -> [UInt8] {
        do {
            return [UInt8](try JSONEncoder().encode(body))
        } catch {
            throw JetStreamError(.client, "The request cannot be written as JSON: \(error).")
        }
    }

    /// Throws unless all are names of streams or consumers, which become tokens of a subject.
    func validate(names: String...) throws(JetStreamError) {
        for name in names {
            do throws(NATSError) {
                try Subject.validate(token: name)
            } catch {
                throw JetStreamError(error)
            }
        }
    }

    private struct Refusal: Decodable {
        let error: APIErrorBody?
    }
}

/// The body of a request that has nothing to say.
struct EmptyBody: Codable, Sendable {}

/// The answer to a deletion.
struct SuccessBody: Decodable, Sendable {
    let success: Bool
}
