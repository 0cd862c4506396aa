/// A consumer as the server has it.
public struct ConsumerInfo: Hashable, Sendable, Decodable {
    /// A place in the deliveries of a consumer and in the stream.
    public struct Position: Hashable, Sendable, Decodable {
        /// The place among the consumer's deliveries.
        public let consumerSequence: UInt64
        /// The place in the stream.
        public let streamSequence: UInt64

        private enum CodingKeys: String, CodingKey {
            case consumerSequence = "consumer_seq"
            case streamSequence = "stream_seq"
        }
    }

    /// The stream that it reads.
    public let stream: String
    /// Its name: the durable one, or one that the server made.
    public let name: String
    /// Its configuration, with the server's defaults filled in.
    public let configuration: ConsumerConfiguration
    /// The last delivery.
    public let delivered: Position
    /// Up to where everything is acknowledged.
    public let acknowledged: Position
    /// How many deliveries await acknowledgement.
    public let awaitingAcknowledgement: Int
    /// How many of those were delivered more than once.
    public let redelivered: Int
    /// How many pull requests wait for a message.
    public let waiting: Int
    /// How many messages are still to be delivered.
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
