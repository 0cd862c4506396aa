import FoundationEssentials

/// JetStream API client: streams, messages and consumers.
///
/// Every call is a JSON request to `$JS.API.…` through the connection's shared inbox: it blocks no thread and can be cancelled.
/// Values are cheap; create one where needed. Any thread.
public struct JetStream: Sendable {
    /// The connection that the calls go over.
    public let connection: NATSConnection
    /// Default time limit of a call.
    public let timeout: Duration

    /// Creates a client on a connection.
    public init(_ connection: NATSConnection, timeout: Duration = .seconds(5)) {
        self.connection = connection
        self.timeout = timeout
    }

    /// Publishes a message and waits until it is stored.
    ///
    /// If the outcome is unknown (``JetStreamError/isRetriable``), retry with the same id.
    ///
    /// - Parameters:
    ///   - subject: The subject; a stream must accept it.
    ///   - headers: Headers.
    ///   - payload: The body.
    ///   - messageID: Deduplication key (`Nats-Msg-Id`): a repetition within the duplicate window is acknowledged and not stored.
    ///   - expectedLastSubjectSequence: Compare-and-set: fails with ``JetStreamError/Code/wrongLastSequence`` unless this is the sequence of
    ///     the subject's last message; 0 for a subject without messages (create-once).
    ///   - timeout: Time limit; nil for the default.
    /// - Throws: ``JetStreamError/Code/noResponders`` at once if no stream accepts the subject; ``JetStreamError/Code/disconnected``,
    ///   ``JetStreamError/Code/timeout``, ``JetStreamError/Code/wrongLastSequence``, and other refusals of the server.
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

    /// Sends a request and decodes the answer without a copy.
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

    /// Sends an API request and decodes the answer or the error.
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

    /// Encodes a request body.
    func encode(_ body: some Encodable) throws(JetStreamError) -> [UInt8] {
        do {
            return [UInt8](try JSONEncoder().encode(body))
        } catch {
            throw JetStreamError(.client, "The request cannot be written as JSON: \(error).")
        }
    }

    /// Throws unless all texts are valid stream or consumer names: single tokens of a subject.
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

/// An empty request body.
struct EmptyBody: Codable, Sendable {}

/// The answer to a deletion.
struct SuccessBody: Decodable, Sendable {
    let success: Bool
}
