import Basics
import Synchronization

@testable import AccessControl

/// Verifies the tokens that a test has given it, at once or when the test lets it.
final class TokenDesk: Sendable {
    private struct State {
        var answers: [String: Result<Principal, AuthenticationError>] = [:]
        var asked: [String] = []
        var isHeld = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// The tokens whose verification has begun, in order.
    var asked: [String] { self.state.withLock { $0.asked } }

    /// Accepts `token` as one of `user`, which expires at that second.
    func accept(
        _ token: String,
        user: String = "ann",
        tenant: String = "acme",
        roles: Set<Role> = [],
        expiresAt: Int64,
        tokenID: String? = nil,
        issuedAt: Int64? = nil
    ) throws {
        let principal = Principal(
            user: try UserID(user),
            tenant: try Tenant(tenant),
            roles: roles,
            expiresAt: expiresAt,
            tokenID: try tokenID.map { try TokenID($0) },
            issuedAt: issuedAt
        )
        self.state.withLock { $0.answers[token] = .success(principal) }
    }

    /// Refuses `token`; other unknown ones are malformed.
    func refuse(_ token: String, _ reason: AuthenticationError.Reason) {
        self.state.withLock { $0.answers[token] = .failure(AuthenticationError(reason, "refused by the test")) }
    }

    /// Holds every verification until ``letGo()``.
    func hold() { self.state.withLock { $0.isHeld = true } }

    /// Lets the verifications end that are held, and later ones at once.
    func letGo() {
        let waiting = self.state.withLock { state in
            defer { state.waiting = [] }
            state.isHeld = false
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    @Sendable func verify(_ token: String) async throws(AuthenticationError) -> Principal {
        await withCheckedContinuation { continuation in
            let isHeld = self.state.withLock { state in
                state.asked.append(token)
                if state.isHeld { state.waiting.append(continuation) }
                return state.isHeld
            }
            if !isHeld { continuation.resume() }
        }
        guard let answer = self.state.withLock({ $0.answers[token] }) else {
            throw AuthenticationError(.malformed, "unknown to the test")
        }
        return try answer.get()
    }
}
