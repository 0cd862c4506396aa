public import Basics

/// Parses request bodies with events of executions into drafts (contract §10). Pure functions; authorisation is done elsewhere.
public enum ExecutionIntake {
    /// Parses one event or an array of at most ``EventIntake/maximumEvents``: `type` and `payload`, optionally `execution`, `id`, `time`, `tenant`. Any
    /// other member is refused.
    ///
    /// All or nothing: the first error is thrown, with its index and field, for example `[3].payload.progress`.
    public static func events(_ body: [UInt8], of kind: ExecutionReference.Kind) throws(ValidationError) -> [ExecutionDraft] {
        try EventIntake.drafts(body, allowsOne: true, allowsMany: true) { scanner throws(ValidationError) in
            try EventEnvelope.raw(scanning: &scanner, form: .execution).executionDraft(of: kind)
        }
    }
}

extension RawEvent {
    /// Validates it as an event of an execution.
    func executionDraft(of kind: ExecutionReference.Kind) throws(ValidationError) -> ExecutionDraft {
        let names = EventFieldNames.native
        return try ExecutionDraft(
            kind: kind,
            type: Self.required(type, names.type),
            payload: Self.required(payload, names.payload),
            run: Self.identifier(execution, "execution"),
            id: Self.identifier(id, names.id),
            time: time.map { text throws(ValidationError) in try Self.instant(text) },
            tenant: Self.identifier(tenant, names.tenant)
        )
    }
}
