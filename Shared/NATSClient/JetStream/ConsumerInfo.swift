/// A consumer's configuration and state, as the server reports them.
public struct ConsumerInfo: Hashable, Sendable, Decodable {
    /// A position in the consumer's deliveries and in the stream.
    public struct Position: Hashable, Sendable, Decodable {
        /// Sequence among the consumer's deliveries.
        public let consumerSequence: UInt64
        /// Sequence in the stream.
        public let streamSequence: UInt64

        private enum CodingKeys: String, CodingKey {
            case consumerSequence = "consumer_seq"
            case streamSequence = "stream_seq"
        }
    }

    /// The stream that it reads.
    public let stream: String
    /// Its name: the durable name, or one that the server generated.
    public let name: String
    /// Its configuration, with the server's defaults filled in.
    public let configuration: ConsumerConfiguration
    /// The position of the last delivery.
    public let delivered: Position
    /// The position up to which everything is acknowledged.
    public let acknowledged: Position
    /// Number of unacknowledged deliveries.
    public let awaitingAcknowledgement: Int
    /// Number of those that were delivered more than once.
    public let redelivered: Int
    /// Number of waiting pull requests.
    public let waiting: Int
    /// Number of messages still to be delivered.
    public let pending: UInt64

    private enum CodingKeys: String, CodingKey {
        case stream = "stream_name"
        case name
        case configuration = "config"
        case delivered
        case acknowledged = "ack_floor"
        case awaitingAcknowledgement = "num_ack_pending"
        case redelivered = "num_redelivered"
        case waiting = "num_waiting"
        case pending = "num_pending"
    }
}
