import CNATS
import FoundationEssentials
import Glibc

/// Sets the scheduling policy of nats.c's garbage collection.
///
/// `natsMsg_Destroy` wakes that thread while it holds the mutex that the thread takes next. On one processor the wake-up preempts the caller, so each
/// message costs four context switches, a fifth of an event's processor time. A thread with ``policy`` does not preempt.
enum LibraryThreads {
    /// The policy of the garbage collection.
    static let policy = SCHED_BATCH

    /// Runs `open`, which starts the process-wide threads of nats.c; they inherit the caller's policy.
    ///
    /// nats.c starts timers, connection callbacks and garbage collection, in this order. The first two get the default policy back, because they start
    /// other threads. Changes nothing in a process that an operator runs with another policy, or that may not change it.
    static func start(_ open: () -> natsStatus) -> natsStatus {
        guard sched_getscheduler(0) == SCHED_NORMAL, set(policy, of: 0) else { return open() }
        defer {
            set(SCHED_NORMAL, of: 0)
            for thread in threads.dropLast() { set(SCHED_NORMAL, of: thread) }
        }
        return open()
    }

    /// Gives the calling thread ``policy``, but not the threads that it starts; changes nothing where ``start(_:)`` would not.
    static func setPolicyOfCurrentThread() {
        if sched_getscheduler(0) == SCHED_NORMAL { set(policy | CInt(SCHED_RESET_ON_FORK), of: 0) }
    }

    /// The threads of the process with ``policy``, in the order of their start.
    static var threads: [pid_t] {
        let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
        return all.compactMap { pid_t($0) }.filter { sched_getscheduler($0) == policy }.sorted()
    }

    @discardableResult
    private static func set(_ policy: CInt, of thread: pid_t) -> Bool {
        sched_setscheduler(thread, policy, [sched_param(sched_priority: 0)]) == 0
    }
}
