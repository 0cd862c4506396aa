extension JetStream {
    /// Returns a stream's configuration and state.
    ///
    /// - Parameter listsDeleted: Whether to list deleted sequences; the list may be long.
    /// - Throws: ``JetStreamError/Code/streamNotFound``; ``JetStreamError/Code/noResponders`` where JetStream is not enabled or not ready.
    public func streamInfo(_ name: String, listsDeleted: Bool = false) async throws(JetStreamError) -> StreamInfo {
        try validate(names: name)
        let losses = connection.readableStreams.losses
        let info: StreamInfo
        do throws(JetStreamError) {
            if listsDeleted {
                info = try await call("STREAM.INFO.\(name)", StreamInfoRequest(deletedDetails: true))
            } else {
                info = try await call("STREAM.INFO.\(name)", EmptyBody())
            }
        } catch {
            if error.code == .streamNotFound { connection.readableStreams.remove(name) }
            throw error
        }
        connection.readableStreams.insert(name, losses: losses)
        return info
    }

    /// Creates a stream. Idempotent: an existing stream with the same configuration is returned.
    ///
    /// - Throws: ``JetStreamError/Code/streamNameInUse`` if one exists with another configuration.
    public func createStream(_ configuration: StreamConfiguration) async throws(JetStreamError) -> StreamInfo {
        try validate(names: configuration.name)
        return try await call("STREAM.CREATE.\(configuration.name)", configuration)
    }

    /// Updates an existing stream's configuration.
    public func updateStream(_ configuration: StreamConfiguration) async throws(JetStreamError) -> StreamInfo {
        try validate(names: configuration.name)
        return try await call("STREAM.UPDATE.\(configuration.name)", configuration)
    }

    /// Deletes a stream and its messages.
    public func deleteStream(_ name: String) async throws(JetStreamError) {
        try validate(names: name)
        // Whatever the outcome: it may be unknown.
        defer { connection.readableStreams.remove(name) }
        let _: SuccessBody = try await call("STREAM.DELETE.\(name)", EmptyBody())
    }

    /// Deletes one message of a stream.
    ///
    /// - Throws: ``JetStreamError/Code/messageNotFound``, ``JetStreamError/Code/streamNotFound``.
    public func deleteMessage(stream: String, sequence: UInt64) async throws(JetStreamError) {
        try validate(names: stream)
        let _: SuccessBody = try await call("STREAM.MSG.DELETE.\(stream)", MessageDeletion(sequence: sequence))
    }

    /// Creates a consumer of a stream. Idempotent for a durable consumer with the same configuration.
    ///
    /// Subscribe to a push consumer's subject first: it starts delivering at once.
    public func createConsumer(stream: String, _ configuration: ConsumerConfiguration) async throws(JetStreamError) -> ConsumerInfo {
        let body = ConsumerRequest(stream: stream, configuration: configuration)
        guard let durable = configuration.durableName else {
            try validate(names: stream)
            return try await call("CONSUMER.CREATE.\(stream)", body)
        }
        try validate(names: stream, durable)
        return try await call("CONSUMER.DURABLE.CREATE.\(stream).\(durable)", body)
    }

    /// Returns a consumer's configuration and state.
    ///
    /// - Throws: ``JetStreamError/Code/consumerNotFound``.
    public func consumerInfo(stream: String, consumer: String) async throws(JetStreamError) -> ConsumerInfo {
        try validate(names: stream, consumer)
        return try await call("CONSUMER.INFO.\(stream).\(consumer)", EmptyBody())
    }

    /// Deletes a consumer.
    ///
    /// - Throws: ``JetStreamError/Code/consumerNotFound``.
    public func deleteConsumer(stream: String, consumer: String) async throws(JetStreamError) {
        try validate(names: stream, consumer)
        let _: SuccessBody = try await call("CONSUMER.DELETE.\(stream).\(consumer)", EmptyBody())
    }
}

private struct StreamInfoRequest: Encodable {
    let deletedDetails: Bool

    enum CodingKeys: String, CodingKey {
        case deletedDetails = "deleted_details"
    }
}

private struct MessageDeletion: Encodable {
    let sequence: UInt64

    enum CodingKeys: String, CodingKey {
        case sequence = "seq"
    }
}

private struct ConsumerRequest: Encodable {
    let stream: String
    let configuration: ConsumerConfiguration

    enum CodingKeys: String, CodingKey {
        case stream = "stream_name"
        case configuration = "config"
    }
}
