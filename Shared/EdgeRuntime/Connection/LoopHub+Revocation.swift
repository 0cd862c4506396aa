import AccessControl
import Basics
import EventLog

extension LoopHub {
    /// Connections ended at once, before the loop serves others.
    private static let endedAtOnce = 256

    /// Ends the open connections that a revocation concerns. The caller has added it to ``revocations`` before, so that
    /// ``adopt(_:ticket:encoder:admission:)`` refuses the later ones, and a renewal the tokens that it verified before.
    func end(_ revocation: Revocation) async {
        var handles = self.handles(concernedBy: revocation)[...]
        while !handles.isEmpty {
            self.end(handles.prefix(Self.endedAtOnce))
            handles = handles.dropFirst(Self.endedAtOnce)
            if !handles.isEmpty { await Task.yield() }
        }
    }

    private func handles(concernedBy revocation: Revocation) -> [ConnectionHandle] {
        var handles: [ConnectionHandle] = []
        // Not lazily: a lazy `flatMap` filters all members anew for each of them.
        for group in self.groups.values where group.chain.source.tenant == revocation.tenant {
            for member in group.members where member.assumeIsolated({ $0.isConcerned(by: revocation) }) { handles.append(member.handle) }
        }
        return handles
    }

    private func end(_ handles: ArraySlice<ConnectionHandle>) {
        for handle in handles { self.connection(handle)?.assumeIsolated { $0.endRequested(.tokenRevoked) } }
    }

    /// Whether a token was revoked since it was verified.
    func isRevoked(_ principal: Principal) -> Bool {
        self.revocations.concern(principal, at: self.configuration.wallClock().millisecondsSinceEpoch)
    }
}

extension EdgeConnection {
    /// Whether a revocation of its tenant concerns its token.
    func isConcerned(by revocation: Revocation) -> Bool {
        self.audience.user.map { revocation.concerns($0, self.mark) } ?? false
    }
}
