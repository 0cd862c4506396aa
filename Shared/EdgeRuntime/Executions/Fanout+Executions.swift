import Basics
import EventLog
import EventModel
import Synchronization

/// The executions with viewers on this process.
///
/// An execution is followed from the first viewer's question on, is read from the log once, and grows with the process's one feed; what nobody views
/// is passed over. It is forgotten, with its pages, a while after the last viewer has gone, so that one that comes back finds it.
extension Fanout {
    /// Executions that are followed.
    var followedExecutions: Int { self.state.withLock { $0.executions.count } }

    /// Follows an execution from now on at the latest, and at least until ``endLease(of:)``. Any thread.
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

    /// Whoever was about to read does so now, or does not any more. Any thread.
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

    /// The executions before the current one, `run`, were read. Any thread.
    func remember(_ formers: [ExecutionSpan], before run: ExecutionRun?, of reference: ExecutionReference) {
        self.state.withLock { state in
            guard state.executions[reference.subject]?.runs?.current.run == run else { return }
            state.executions[reference.subject]?.runs?.formers = formers
        }
    }

    /// Bytes that the pages of an execution may keep that is loaded next. Any thread.
    var budgetForNextExecution: Int { self.share(ofChains: self.state.withLock { $0.chains.executionChains } + 1) }

    /// An execution was read from the log, into `chain`; what came in the meantime is added. Any thread.
    /// - Returns: Whether it is of use: the log may have been replaced since.
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

    /// Forgets an execution that is idle, and still is after a while.
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

    /// Counts that an execution has become idle, if it has. Returns how often it has by now; nil when it is not idle.
    mutating func idleTimes(of reference: ExecutionReference) -> Int? {
        guard self.isIdle(reference) else { return nil }
        self.executions[reference.subject]?.idleTimes += 1
        return self.executions[reference.subject]?.idleTimes
    }
}

/// As long as it lives, an execution is followed.
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
