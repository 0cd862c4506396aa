/// The keys in force at one moment.
struct KeySet: Sendable {
    /// How many keys are tried for a token that names none; a bound on the work that one forged token can cause.
    static let maximumTrials = 8

    private let keys: [VerificationKey]

    init(_ keys: [VerificationKey] = []) {
        self.keys = keys
    }

    var isEmpty: Bool { keys.isEmpty }

    /// Whether a key has this name.
    func contains(keyID: String) -> Bool {
        keys.contains { $0.keyID == keyID }
    }

    /// What the keys say about a token's signature.
    enum Verdict {
        case verified
        case badSignature
        /// The key named is not here.
        case unknownKey
        /// The keys that could be meant declare another algorithm.
        case otherAlgorithm
        /// The token names no key and there are too many to try.
        case ambiguous
    }

    /// Selects by `kid`, then insists on the algorithm, then verifies.
    ///
    /// A token that names a key gets that key; failing that, keys that have no name of their own (a secret, a PEM file), because
    /// issuers add a `kid` also where only one key exists. A token that names none gets every key of its algorithm.
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
