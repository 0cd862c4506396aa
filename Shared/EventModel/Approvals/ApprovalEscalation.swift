import Basics

/// A step that widens the circle of those who may approve (contract §12): its groups may decide in place of the request's own.
public struct ApprovalEscalation: Sendable, Hashable {
    /// The time from the request to the step; whole nanoseconds.
    public let after: Duration
    /// The groups that the step adds as a set; at least one.
    public let groups: [ApprovalGroup]

    /// The earliest and the latest step.
    public static let range: ClosedRange<Duration> = .seconds(1) ... .seconds(366 * 86_400)

    /// Creates a step from valid parts.
    public init(after: Duration, groups: [ApprovalGroup]) {
        self.after = after
        self.groups = groups
    }
}

extension ApprovalEscalation {
    /// Reads a step of a request.
    ///
    /// - Parameter path: the step's place in errors, such as `payload.escalation[0]`.
    init(_ json: ArraySlice<UInt8>, path: String) throws(ValidationError) {
        let object = try PolicyObject(json, path: path, members: ["after", "groups"], noun: "a step of an escalation")
        guard let after = DurationText.parse(try object.requiredString("after")), Self.range.contains(after) else {
            throw ValidationError(
                field: "\(path).after",
                message: """
                    must be a duration from \(DurationText.show(Self.range.lowerBound)) to \(DurationText.show(Self.range.upperBound)), such as \
                    30s, 10m, 1h or 7d
                    """
            )
        }
        let groups = try object.groups("groups")
        guard !groups.isEmpty else {
            throw ValidationError(field: "\(path).groups", message: "must have at least one group, else the step adds nobody")
        }
        self.init(after: after, groups: groups)
    }
}
