/// What a server's JetStream grants to an account.
public struct JetStreamAccount: Decodable, Sendable, Hashable {
    /// The most that may be stored, in bytes; 0 or less for no limit of the account's own.
    public struct Limits: Decodable, Sendable, Hashable {
        public var maxMemory: Int64
        public var maxStorage: Int64

        /// Creates limits.
        public init(maxMemory: Int64, maxStorage: Int64) {
            self.maxMemory = maxMemory
            self.maxStorage = maxStorage
        }

        enum CodingKeys: String, CodingKey {
            case maxMemory = "max_memory"
            case maxStorage = "max_storage"
        }
    }

    public var limits: Limits

    /// Creates an account.
    public init(limits: Limits) {
        self.limits = limits
    }
}

extension JetStream {
    /// What the account of the connection may use.
    ///
    /// - Throws: ``JetStreamError/Code/noResponders`` where JetStream is switched off or not ready, ``JetStreamError/Code/notEnabled`` where it is
    ///   switched off for the account.
    public func account() async throws(JetStreamError) -> JetStreamAccount {
        try await call("INFO", EmptyBody())
    }
}
