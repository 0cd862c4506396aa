/// The keys in force at one moment.
struct KeySet: Sendable {
    /// Maximum number of keys tried for a token without `kid`; bounds the work per forged token.
    static let maximumTrials = 8

    private let keys: [VerificationKey]

    init(_ keys: [VerificationKey] = []) {
        self.keys = keys
    }

    var isEmpty: Bool { keys.isEmpty }

    /// Returns whether a key has this id.
    func contains(keyID: String) -> Bool {
        keys.contains { $0.keyID == keyID }
    }

    /// The result of verifying a signature.
    enum Verdict {
        case verified
        case badSignature
        /// The named key is unknown.
        case unknownKey
        /// The candidate keys declare another algorithm.
        case otherAlgorithm
        /// The token has no `kid` and there are too many candidates.
        case ambiguous
    }

    /// Selects keys by `kid`, requires the algorithm, then verifies.
    ///
    /// A token with `kid` gets that key, or else keys without an id (a secret, a PEM file), because issuers send `kid` even with a single key. A token
    /// without `kid` gets every key of its algorithm.
    func verify(_ token: CompactToken) -> Verdict {
        var selected = keys
        if let keyID = token.keyID {
            selected = keys.filter { $0.keyID == keyID }
            if selected.isEmpty { selected = keys.filter { $0.keyID == nil } }
            if selected.isEmpty { return .unknownKey }
        }
        let candidates = selected.filter { $0.algorithm == token.algorithm }
        if candidates.isEmpty { return .otherAlgorithm }
        if candidates.count > Self.maximumTrials { return .ambiguous }
        return candidates.contains { $0.verifies(token.signature, over: token.signingInput) } ? .verified : .badSignature
    }
}
