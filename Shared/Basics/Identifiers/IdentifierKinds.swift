/// The kinds of ``Identifier`` that the contract names (§0).
public enum IdentifierKinds {
    /// Names a tenant.
    public enum Tenant: IdentifierKind {
        /// `tenant`.
        public static var field: String { "tenant" }
    }
    /// Names a user of a tenant.
    public enum User: IdentifierKind {
        /// `user`.
        public static var field: String { "user" }
    }
    /// Names a token of an issuer.
    public enum Token: IdentifierKind {
        /// `jti`.
        public static var field: String { "jti" }
    }
    /// Names an event of a producer.
    public enum Event: IdentifierKind {
        /// `id`.
        public static var field: String { "id" }
    }
    /// Names the source of an event.
    public enum Source: IdentifierKind {
        /// `source`.
        public static var field: String { "source" }
        /// 512 bytes.
        public static var maximumBytes: Int { 512 }
    }
    /// Names an incident.
    public enum Incident: IdentifierKind {
        /// `incidentId`.
        public static var field: String { "incidentId" }
    }
    /// Names an approval.
    public enum Approval: IdentifierKind {
        /// `approvalId`.
        public static var field: String { "approvalId" }
        /// True: a segment of the approval API's paths.
        public static var isPathSegment: Bool { true }
    }
    /// Names a remediation.
    public enum Remediation: IdentifierKind {
        /// `remediationId`.
        public static var field: String { "remediationId" }
    }
    /// Names an agent or a workflow.
    public enum ExecutionName: IdentifierKind {
        /// `name`.
        public static var field: String { "name" }
        /// True: a segment of the execution paths.
        public static var isPathSegment: Bool { true }
    }
    /// Names a run of an agent or a workflow.
    public enum ExecutionRun: IdentifierKind {
        /// `execution`.
        public static var field: String { "execution" }
    }
    /// Names a step of a workflow's run.
    public enum Step: IdentifierKind {
        /// `stepId`.
        public static var field: String { "stepId" }
    }
}

/// The isolation unit: no event ever crosses tenants (contract §0, §2).
public typealias Tenant = Identifier<IdentifierKinds.Tenant>
/// A person or program within a tenant: a token's `sub`, an event's `user`.
public typealias UserID = Identifier<IdentifierKinds.User>
/// The `jti` of a token, as far as a revocation can name it (contract §13).
public typealias TokenID = Identifier<IdentifierKinds.Token>
/// The producer's id of an event, by which duplicates are detected; not the ``Cursor`` that readers see.
public typealias EventID = Identifier<IdentifierKinds.Event>
/// A CloudEvents `source`: part of an event's identity (contract §2). At most 512 bytes.
public typealias EventSource = Identifier<IdentifierKinds.Source>
/// The incident that investigation and remediation events belong to.
public typealias IncidentID = Identifier<IdentifierKinds.Incident>
/// A request for a decision by people (contract §7).
public typealias ApprovalID = Identifier<IdentifierKinds.Approval>
/// The remediation that an approval permits.
public typealias RemediationID = Identifier<IdentifierKinds.Remediation>
/// The name of an agent or the id of a workflow (contract §9).
public typealias ExecutionName = Identifier<IdentifierKinds.ExecutionName>
/// One execution of an agent or a workflow.
public typealias ExecutionRun = Identifier<IdentifierKinds.ExecutionRun>
/// A step of a workflow's execution.
public typealias StepID = Identifier<IdentifierKinds.Step>
