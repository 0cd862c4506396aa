/// The kinds of ``Identifier`` that the contract names (§0).
public enum IdentifierKinds {
    public enum Tenant: IdentifierKind {
        public static var field: String { "tenant" }
    }
    public enum User: IdentifierKind {
        public static var field: String { "user" }
    }
    public enum Event: IdentifierKind {
        public static var field: String { "id" }
    }
    public enum Source: IdentifierKind {
        public static var field: String { "source" }
        public static var maximumBytes: Int { 512 }
    }
    public enum Incident: IdentifierKind {
        public static var field: String { "incidentId" }
    }
    public enum Approval: IdentifierKind {
        public static var field: String { "approvalId" }
        public static var isPathSegment: Bool { true }
    }
    public enum Remediation: IdentifierKind {
        public static var field: String { "remediationId" }
    }
    public enum ExecutionName: IdentifierKind {
        public static var field: String { "name" }
        public static var isPathSegment: Bool { true }
    }
    public enum ExecutionRun: IdentifierKind {
        public static var field: String { "execution" }
    }
    public enum Step: IdentifierKind {
        public static var field: String { "stepId" }
    }
}

/// The isolation unit: no event ever crosses tenants (contract §0, §2).
public typealias Tenant = Identifier<IdentifierKinds.Tenant>
/// A person or program within a tenant: a token's `sub`, an event's `user`.
public typealias UserID = Identifier<IdentifierKinds.User>
/// The producer's id of an event, by which duplicates are detected; not the ``Cursor`` that readers see.
public typealias EventID = Identifier<IdentifierKinds.Event>
/// A CloudEvents `source`: part of an event's identity (contract §2). At most 512 bytes.
public typealias EventSource = Identifier<IdentifierKinds.Source>
/// The incident that investigation and remediation events belong to.
public typealias IncidentID = Identifier<IdentifierKinds.Incident>
/// A request that people decide (contract §7).
public typealias ApprovalID = Identifier<IdentifierKinds.Approval>
/// What an approval lets run.
public typealias RemediationID = Identifier<IdentifierKinds.Remediation>
/// The name of an agent or the id of a workflow (contract §9).
public typealias ExecutionName = Identifier<IdentifierKinds.ExecutionName>
/// One execution of an agent or a workflow.
public typealias ExecutionRun = Identifier<IdentifierKinds.ExecutionRun>
/// A step of a workflow's execution.
public typealias StepID = Identifier<IdentifierKinds.Step>
