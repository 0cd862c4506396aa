extension JetStream {
    /// Where a stored message is read from.
    public enum ReadSource: Sendable {
        /// The stream's leader: linearizable with acknowledged publishes.
        case leader
        /// Any replica: faster, may be stale. Needs ``StreamConfiguration/allowDirect``; without it the server does not answer, and the call
        /// fails with ``JetStreamError/Code/timeout``.
        case anyReplica
    }

    /// Returns the message at a sequence of a stream.
    ///
    /// - Throws: ``JetStreamError/Code/messageNotFound``, ``JetStreamError/Code/streamNotFound``.
    public func message(
        stream: String,
        sequence: UInt64,
        from source: ReadSource = .leader
    ) async throws(JetStreamError) -> StoredMessage {
        try await message(stream: stream, MessageRequest(sequence: sequence, subject: nil), from: source)
    }

    /// Returns the last message of a subject in a stream.
    ///
    /// After a lost compare-and-set (``JetStreamError/Code/wrongLastSequence``), read the winner from the leader.
    ///
    /// - Throws: ``JetStreamError/Code/messageNotFound``, ``JetStreamError/Code/streamNotFound``.
    public func lastMessage(
        stream: String,
        subject: String,
        from source: ReadSource = .leader
    ) async throws(JetStreamError) -> StoredMessage {
        try await message(stream: stream, MessageRequest(sequence: nil, subject: subject), from: source)
    }

    /// Returns the first message at or after a sequence whose subject matches a filter (wildcards allowed). Reads from the leader.
    ///
    /// - Throws: ``JetStreamError/Code/messageNotFound``, ``JetStreamError/Code/streamNotFound``.
    public func nextMessage(stream: String, from sequence: UInt64, matching filter: String) async throws(JetStreamError) -> StoredMessage {
        try await message(stream: stream, MessageRequest(sequence: sequence, subject: nil, nextSubject: filter), from: .leader)
    }

    private func message(stream: String, _ request: MessageRequest, from source: ReadSource) async throws(JetStreamError) -> StoredMessage {
        try validate(names: stream)
        switch source {
        case .leader:
            // Absent, or being created: see ``ReadableStreams``.
            if !connection.readableStreams.contains(stream) { _ = try await streamInfo(stream) }
            do throws(JetStreamError) {
                let answer: MessageAnswer = try await call("STREAM.MSG.GET.\(stream)", request)
                return answer.message
            } catch {
                if error.code == .streamNotFound { connection.readableStreams.remove(stream) }
                throw error
            }
        case .anyReplica:
            return try await directMessage(stream: stream, request)
        }
    }

    private func directMessage(stream: String, _ body: MessageRequest) async throws(JetStreamError) -> StoredMessage {
        try await request(subject: "$JS.API.DIRECT.GET.\(stream)", payload: try encode(body), timeout: nil) {
            (delivery) throws(JetStreamError) in
            if let status = delivery.status { throw JetStreamError(status: status, description: delivery.statusDescription) }
            guard let message = StoredMessage(direct: delivery) else {
                throw JetStreamError(.invalidResponse, "The answer to a direct get is not a message.")
            }
            return message
        }
    }
}

private struct MessageRequest: Encodable {
    let sequence: UInt64?
    let subject: String?
    var nextSubject: String?

    enum CodingKeys: String, CodingKey {
        case sequence = "seq"
        case subject = "last_by_subj"
        case nextSubject = "next_by_subj"
    }
}

private struct MessageAnswer: Decodable, Sendable {
    let message: StoredMessage
}
