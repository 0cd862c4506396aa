public import Basics
public import EventModel
import NATSClient

/// What is read of the log, live or past: a tenant's events, or the events of one agent or workflow.
public enum LogSource: Sendable, Hashable {
    /// The events of a tenant; those of its executions are not among them.
    case events(of: Tenant)
    /// The events of an agent or a workflow, over all its executions.
    case execution(ExecutionReference)

    /// Whose it is.
    public var tenant: Tenant {
        switch self {
        case .events(let tenant): tenant
        case .execution(let reference): reference.tenant
        }
    }

    /// What its messages are told apart by. No two sources have the same.
    var key: String {
        switch self {
        case .events(let tenant): SubjectToken.encode(tenant)
        case .execution(let reference): reference.subject
        }
    }

    /// The key of the source that a message belongs to: the subject's token of the tenant, which has no dot, or a whole subject.
    static func key(of subject: UnsafeRawBufferPointer) -> String? {
        if ExecutionMessage.isOfExecution(subject) { return String(decoding: subject, as: UTF8.self) }
        return EventMessage.tenantToken(of: subject)
    }
}
