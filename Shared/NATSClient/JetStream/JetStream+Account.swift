/// What a server grants to an account for JetStream.
public struct JetStreamAccount: Decodable, Sendable, Hashable {
    /// Storage limits in bytes; 0 or less for no limit on the account.
    public struct Limits: Decodable, Sendable, Hashable {
        /// Memory limit in bytes; 0 or less for no limit on the account.
        public var maxMemory: Int64
        /// Disk limit in bytes; 0 or less for no limit on the account.
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

    /// The account's limits.
    public var limits: Limits

    /// Creates an account.
    public init(limits: Limits) {
        self.limits = limits
    }
}

extension JetStream {
    /// Returns the limits of the connection's account.
    ///
    /// - Throws: ``JetStreamError/Code/noResponders`` where JetStream is switched off or not ready, ``JetStreamError/Code/notEnabled`` where it is
    ///   switched off for the account.
    public func account() async throws(JetStreamError) -> JetStreamAccount {
        try await call("INFO", EmptyBody())
    }
}
