import Basics
import Logging
import Synchronization

/// Holds all keys of a process: fixed ones from secrets and files, and fetched ones from a URL, with refresh.
///
/// Single-flight: at most one fetch at a time, with the configured minimum interval. A failed fetch, or one without usable keys, leaves the keys
/// unchanged.
final class KeyRing: Sendable {
    /// The keys at one moment. The generation changes with the keys and invalidates cached results.
    struct Snapshot: Sendable {
        var keys: KeySet
        var generation: UInt64
        /// False while the URL has never responded.
        var isComplete: Bool
    }

    private struct State {
        var snapshot: Snapshot
        var fixed: [VerificationKey]
        /// The keys from the URL.
        var fetched: [VerificationKey] = []
        var schedule: RefreshSchedule
        var published: Set<JSONWebKey> = []
        var fetch: Task<Void, Never>?
        /// Why the last fetch failed; nil after a success, and before the first.
        var failure: String?
    }

    private let document: KeyDocument?
    private let rsaAlgorithm: SignatureAlgorithm
    private let now: WallClock
    private let logger: Logger
    private let state: Mutex<State>

    init(
        fixed: [VerificationKey],
        document: KeyDocument?,
        configuration: AccessControlConfiguration,
        logger: Logger,
        now: @escaping WallClock
    ) {
        self.document = document
        self.rsaAlgorithm = configuration.rsaAlgorithm
        self.now = now
        self.logger = logger
        let snapshot = Snapshot(keys: KeySet(fixed), generation: 0, isComplete: document == nil)
        self.state = Mutex(State(snapshot: snapshot, fixed: fixed, schedule: RefreshSchedule(configuration.keyRefresh)))
    }

    var snapshot: Snapshot { state.withLock(\.snapshot) }

    /// Whether the last fetch failed, so that unknown keys may exist.
    var isOutdated: Bool { state.withLock { $0.failure != nil } }

    /// Why no keys were ever fetched; nil after the first success, or without a URL.
    var absence: String? {
        guard let document else { return nil }
        return state.withLock { state in
            guard !state.snapshot.isComplete else { return nil }
            return "no signature keys yet from \(document.shown): \(state.failure ?? "they are being fetched")"
        }
    }

    /// Replaces the fixed keys.
    func replaceFixed(_ keys: [VerificationKey]) {
        state.withLock { state in
            state.fixed = keys
            Self.renew(&state, isComplete: state.snapshot.isComplete)
        }
    }

    /// Fetches now and waits, whether due or not.
    ///
    /// - Throws: ``AccessControlError`` when the fetch failed; the previous keys stay valid.
    func refresh() async throws(AccessControlError) {
        guard document != nil else { return }
        // One that is under way may have read what the URL had before.
        if let former = state.withLock(\.fetch) { await former.value }
        let fetch = state.withLock { state in state.fetch ?? startFetch(&state) }
        await fetch.value
        if let failure = state.withLock(\.failure) { throw AccessControlError(failure) }
    }

    private static func renew(_ state: inout State, isComplete: Bool) {
        state.snapshot = Snapshot(
            keys: KeySet(state.fixed + state.fetched),
            generation: state.snapshot.generation + 1,
            isComplete: isComplete
        )
    }

    /// Fetches when the keys are due.
    ///
    /// The caller that finds them due waits, so that revoked keys are removed in time; others use the previous keys without delay, and during an outage
    /// no caller waits. While the URL has never responded all wait, because nothing can be verified.
    func refreshIfDue() async {
        guard document != nil else { return }
        let fetch = state.withLock { state -> Task<Void, Never>? in
            if let fetch = state.fetch { return state.snapshot.isComplete ? nil : fetch }
            guard state.schedule.isDue(at: now()) else { return nil }
            let shouldWait = !state.schedule.hasFailed || !state.snapshot.isComplete
            let fetch = startFetch(&state)
            return shouldWait ? fetch : nil
        }
        await fetch?.value
    }

    /// Whether ``refreshIfDue()`` would fetch, or wait.
    var isRefreshDue: Bool {
        guard document != nil else { return false }
        return state.withLock { state in
            state.fetch == nil ? state.schedule.isDue(at: now()) : !state.snapshot.isComplete
        }
    }

    /// Fetches because a token names an unknown key.
    ///
    /// Does nothing within the minimum interval; ``isOutdated`` then says whether the keys are current.
    func refreshForUnknownKey() async {
        guard document != nil else { return }
        let fetch = state.withLock { state -> Task<Void, Never>? in
            if let fetch = state.fetch { return fetch }
            return state.schedule.mayLookForUnknownKey(at: now()) ? startFetch(&state) : nil
        }
        await fetch?.value
    }

    /// Starts a fetch in an unstructured task: the request that caused it may be cancelled, the others still wait for the keys.
    private func startFetch(_ state: inout State) -> Task<Void, Never> {
        state.schedule.attemptStarted(at: now())
        let task = Task { await self.fetch() }
        state.fetch = task
        return task
    }

    private func fetch() async {
        let result = await load()
        let fetched = try? result.get()
        let hasChanged = state.withLock { state in
            state.fetch = nil
            switch result {
            case .success: state.failure = nil
            case .failure(let error): state.failure = error.message
            }
            state.schedule.attemptEnded(succeeded: fetched != nil)
            guard let fetched, fetched.published != state.published else { return false }
            state.published = fetched.published
            state.fetched = fetched.keys
            Self.renew(&state, isComplete: true)
            return true
        }
        if hasChanged, let fetched {
            logger.info("Signature keys replaced", metadata: [LogKey.keyCount: "\(fetched.keys.count)"])
        }
    }

    private func load() async -> Result<(published: Set<JSONWebKey>, keys: [VerificationKey]), KeyDocument.FetchError> {
        guard let document else { return .failure(KeyDocument.FetchError(message: "There is no URL.")) }
        do throws(KeyDocument.FetchError) {
            let set = try Self.keySet(try await document.fetch())
            let keys = set.verificationKeys(origin: .url, rsaAlgorithm: rsaAlgorithm)
            guard !keys.isEmpty else {
                throw KeyDocument.FetchError(message: "None of the \(set.keys.count) keys in the answer can be used to verify.")
            }
            return .success((set.keys, keys))
        } catch {
            logger.warning(
                "Signature keys could not be fetched; the former ones stay in force",
                metadata: [LogKey.keyURL: "\(document.shown)", LogKey.error: "\(error.message)"]
            )
            return .failure(error)
        }
    }

    private static func keySet(_ json: [UInt8]) throws(KeyDocument.FetchError) -> JSONWebKeySet {
        do throws(JSONWebKeySet.FormatError) {
            return try JSONWebKeySet(json: json)
        } catch {
            throw KeyDocument.FetchError(message: "The answer \(error.problem).")
        }
    }
}
