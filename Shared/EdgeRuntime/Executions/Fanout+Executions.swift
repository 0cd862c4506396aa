import Basics
import EventLog
import EventModel
import Synchronization

/// Follows the executions with viewers on this process.
///
/// An execution is followed from the first viewer's request on, is read from the log once, and grows with the process's one feed;
/// executions without viewers are skipped. It is removed, with its pages, some time after the last viewer has left, so that a returning
/// viewer finds it.
extension Fanout {
    /// Number of executions followed.
    var followedExecutions: Int { self.state.withLock { $0.executions.count } }

    /// Follows an execution, unless it is followed already, until ``endLease(of:)`` or longer. Any thread.
    func beginLease(of reference: ExecutionReference) {
        self.state.withLock { state in
            if state.executions[reference.subject] == nil {
                state.executions[reference.subject] = FollowedExecution(generation: state.feed.position.generation)
                self.isAnyExecutionFollowed.store(true, ordering: .releasing)
            } else {
                state.executions[reference.subject]?.leases += 1
            }
        }
    }

    /// Ends a lease: its holder has started to read, or has given up. Any thread.
    func endLease(of reference: ExecutionReference) {
        let idle = self.state.withLock { state in
            state.executions[reference.subject]?.leases -= 1
            return state.idleTimes(of: reference)
        }
        if let idle { self.forgetLater(reference, idle) }
    }

    /// The executions of a name; nil before they are loaded. Any thread.
    func runs(of reference: ExecutionReference) -> ExecutionRuns? {
        self.state.withLock { $0.executions[reference.subject]?.runs }
    }

    /// Stores the executions before the current one, `run`. Any thread.
    func remember(_ formers: [ExecutionSpan], before run: ExecutionRun?, of reference: ExecutionReference) {
        self.state.withLock { state in
            guard state.executions[reference.subject]?.runs?.current.run == run else { return }
            state.executions[reference.subject]?.runs?.formers = formers
        }
    }

    /// Returns the bytes of pages allowed for the tenant's next execution to be loaded. Any thread.
    func budgetForNextExecution(of tenant: Tenant) -> Int {
        self.share(ofChains: self.state.withLock { $0.chains.executionParts(of: tenant, adding: 1) })
    }

    /// Adds an execution read from the log into `chain`, and appends the entries that arrived in the meantime. Any thread.
    /// - Returns: Whether it was added: false when the log has been replaced since.
    func loaded(_ runs: ExecutionRuns, of reference: ExecutionReference, in chain: PageChain, generation: UInt32) -> Bool {
        self.state.withLock { state in
            guard state.executions[reference.subject]?.generation == generation else { return false }
            state.chains.insert(chain)
            for entry in state.executions[reference.subject]?.loaded(runs) ?? [] {
                guard state.executions[reference.subject]?.take(entry) == true else { continue }
                self.append(entry, of: chain.source, trace: nil, to: &state)
            }
            return true
        }
    }

    /// Removes an idle execution after ``executionLinger`` if it is still idle.
    func forgetLater(_ reference: ExecutionReference, _ idleTimes: Int) {
        Task {
            try? await Task.sleep(for: self.executionLinger)
            self.state.withLock { state in
                guard state.isIdle(reference), state.executions[reference.subject]?.idleTimes == idleTimes else { return }
                state.executions[reference.subject] = nil
                state.chains.dropUnread(of: .execution(reference))
                self.isAnyExecutionFollowed.store(!state.executions.isEmpty, ordering: .releasing)
            }
        }
    }
}

extension Fanout.State {
    /// Whether a followed execution has no viewer and no lease.
    func isIdle(_ reference: ExecutionReference) -> Bool {
        self.executions[reference.subject]?.leases == 0 && !self.chains.hasReaders(of: .execution(reference))
    }

    /// Counts how often an execution has become idle, and returns the count; nil when it is not idle.
    mutating func idleTimes(of reference: ExecutionReference) -> Int? {
        guard self.isIdle(reference) else { return nil }
        self.executions[reference.subject]?.idleTimes += 1
        return self.executions[reference.subject]?.idleTimes
    }
}

/// Keeps an execution followed during its lifetime.
final class ExecutionLease: Sendable {
    private let fanout: Fanout
    private let reference: ExecutionReference

    init(_ reference: ExecutionReference, in fanout: Fanout) {
        self.fanout = fanout
        self.reference = reference
        fanout.beginLease(of: reference)
    }

    deinit { self.fanout.endLease(of: self.reference) }
}
