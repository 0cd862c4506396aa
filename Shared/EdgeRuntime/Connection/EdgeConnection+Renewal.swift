import AccessControl
import Basics
import Logging

/// Renews the token of an open connection (contract §13). Position, filters, subscriptions and queue stay as they are.
///
/// 1. One token at a time is verified, off the loop. The stream continues meanwhile with the old token.
/// 2. The switch is one step on the loop. A revocation of the new token that arrived before it is in the hub's set and refuses the token;
///    one that arrives later finds the connection by its new mark.
/// 3. An expiry of the old token in between waits for the verdict, which the identity provider's timeout bounds.
extension EdgeConnection {
    /// Begins to verify a client's new token.
    ///
    /// - Parameter request: the number by which the conversation is answered; nil on a surface without conversations.
    func authenticate(_ token: String, for request: UInt64?) {
        guard self.state.isOpen else { return }
        guard self.pending?.renewal == nil else {
            self.hub.counters.attempted(.underWay)
            return self.answer(.underWay, to: request)
        }
        self.pendingWork().renewal = PendingRenewal(request: request)
        let verify = self.hub.verify
        Task { [weak self] in
            let result: Result<Principal, AuthenticationError>
            do throws(AuthenticationError) {
                result = .success(try await verify(token))
            } catch {
                result = .failure(error)
            }
            await self?.verified(result)
        }
    }

    /// Ends the connection at its token's expiry. Called at the expiry of every token that it has had; earlier ones and a pending renewal
    /// have no effect.
    func tokenExpired(at second: Int64) {
        guard self.expiresAt <= second else { return }
        guard self.pending?.renewal == nil else {
            self.pending?.renewal?.hasExpired = true
            return
        }
        self.endRequested(.tokenExpired)
    }

    private enum Verdict {
        case renewed(Principal)
        case unavailable(AuthenticationError)
        case refused(Ending, RenewalOutcome)
    }

    private func verified(_ result: Result<Principal, AuthenticationError>) {
        // Nil when the connection was closed meanwhile.
        guard let renewal = self.pending?.renewal else { return }
        self.pending?.renewal = nil
        guard self.state.isOpen else { return }
        switch self.verdict(on: result, hasExpired: renewal.hasExpired) {
        case .renewed(let principal):
            self.hub.counters.attempted(.renewed)
            self.take(principal)
            self.answer(.renewed(principal), to: renewal.request)
        case .unavailable(let error):
            self.hub.counters.attempted(.unavailable)
            self.hub.logger.warning("tokens cannot be checked", metadata: [LogKey.authReason: "\(error.reason.rawValue)"])
            guard !renewal.hasExpired, self.second < self.expiresAt else { return self.endRequested(.tokenExpired) }
            self.answer(.unavailable(error), to: renewal.request)
        case .refused(let ending, let outcome):
            self.hub.counters.attempted(outcome)
            return self.endRequested(ending)
        }
        self.deliverUnlessInTurn()
        self.releasePendingWork()
    }

    /// - Parameter hasExpired: whether the old token's expiry came; then a new one that expires no later is refused, whatever the clock says now.
    private func verdict(on result: Result<Principal, AuthenticationError>, hasExpired: Bool) -> Verdict {
        let principal: Principal
        switch result {
        case .success(let verified): principal = verified
        case .failure(let error): return error.isRetriable ? .unavailable(error) : .refused(Ending(refusing: error), .refused)
        }
        guard principal.tenant == self.tenant, principal.user == self.audience.user else {
            let detail = "the new token is for another user or tenant than the connection: connect again with it"
            return .refused(Ending(.unauthorized, detail: detail), .otherUser)
        }
        let roles = self.conversation?.requiredRoles ?? []
        guard principal.has(anyOf: roles) else {
            let names = roles.map(\.rawValue).sorted().joined(separator: ", ")
            let detail = "the new token has none of the roles that are needed here: \(names)"
            return .refused(Ending(.unauthorized, detail: detail), .missingRole)
        }
        guard self.second < principal.expiresAt, !hasExpired || self.expiresAt < principal.expiresAt else {
            return .refused(.tokenExpired, .refused)
        }
        guard !self.hub.assumeIsolated({ $0.isRevoked(principal) }) else { return .refused(.tokenRevoked, .refused) }
        return .renewed(principal)
    }

    /// The time of day in seconds since 1970 UTC, as expiries are compared with it.
    private var second: Int64 { self.hub.configuration.wallClock().millisecondsSinceEpoch / 1000 }

    private func take(_ principal: Principal) {
        let oldExpiry = self.expiresAt
        self.hub.assumeIsolated { $0.tokenRenewed(self, from: oldExpiry, to: principal.expiresAt) }
        self.mark = principal.mark
        self.expiresAt = principal.expiresAt
    }

    private func answer(_ answer: RenewalAnswer, to request: UInt64?) {
        if let request, let conversation = self.conversation {
            return self.enqueue(conversation.authenticated(request, answer))
        }
        switch answer {
        case .renewed(let principal):
            let encoder = self.group.chain.encoder
            self.outbox.append(encoder.authenticated(until: principal.expiry, time: self.hub.configuration.wallClock()))
        case .unavailable(let error): self.endRequested(Ending(.internalError, detail: error.message))
        case .underWay:
            self.endRequested(Ending(.tooManyMessages, detail: "a token is being verified already: send the next one after the answer"))
        }
    }
}
