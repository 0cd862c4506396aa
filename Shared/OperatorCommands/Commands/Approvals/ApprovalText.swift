import Basics

/// Formats answers for people.
enum ApprovalText {
    /// A line of a list: status, id, and what helps to choose.
    static func line(_ approval: ApprovalAnswer) -> String {
        let facts = [
            approval.risk.map { "risk \($0)" },
            approval.groups.flatMap(tally),
            approval.expiresAt.map { "expires \($0)" },
            approval.title,
        ]
        return TerminalText.safe(([approval.status, approval.approvalId] + facts.compactMap(\.self)).joined(separator: "  "))
    }

    /// All of an approval, a line for each fact.
    ///
    /// - Parameter body: The answer, of which the action is shown byte for byte.
    static func whole(_ approval: ApprovalAnswer, body: [UInt8]) -> String {
        var lines = [TerminalText.safe("\(approval.approvalId): \(approval.status)")]
        func add(_ name: String, _ text: String?) {
            guard let text else { return }
            let padding = String(repeating: " ", count: max(1, 13 - name.count))
            lines += text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().map { index, line in
                index == 0 ? "  \(name)\(padding)\(TerminalText.safe(String(line)))" : "               \(TerminalText.safe(String(line)))"
            }
        }
        add("title", approval.title)
        add("description", approval.description)
        add("risk", approval.risk)
        add("remediation", approval.remediationId)
        add("incident", approval.incidentId)
        add("requested", [approval.requestedAt, approval.requestedBy.map { "by \($0)" }].compactMap(\.self).joined(separator: " "))
        add("for", approval.user)
        add("expires", approval.expiresAt)
        add("four eyes", approval.fourEyes == true ? "yes" : nil)
        add("digest", approval.actionDigest)
        add("action", member("action", of: body).map { String(decoding: $0, as: UTF8.self) })
        for group in approval.groups ?? [] { add("group", self.group(group)) }
        for step in approval.escalation ?? [] {
            add("escalation", "after \(step.after), \(step.escalatedAt.map { "escalated \($0)" } ?? "due \(step.at)")")
        }
        add("decision", approval.decision.map(decision))
        add("consumed", approval.consumption.map { "\($0.consumedAt) by \($0.consumedBy)" })
        for entry in approval.history ?? [] { add("history", self.entry(entry)) }
        return lines.joined(separator: "\n")
    }

    /// The answer to a decision.
    static func decided(_ answer: DecisionAnswer) -> String {
        let text =
            if answer.status == "pending" {
                [
                    "vote counted: \(answer.approvalId) is still pending", answer.onBehalfOf.map { "in the place of \($0)" },
                    answer.groups.flatMap(tally),
                ].compactMap(\.self).joined(separator: "; ")
            } else {
                [
                    "\(answer.status): \(answer.approvalId)", answer.decidedBy.map { "by \($0)" }, answer.decidedAt.map { "at \($0)" },
                ].compactMap(\.self).joined(separator: " ")
            }
        return TerminalText.safe(text)
    }

    /// How waiting ended.
    static func outcome(_ approval: ApprovalAnswer) -> String {
        TerminalText.safe("\(approval.status): \(approval.approvalId)" + (approval.decision.map { ", \(decision($0))" } ?? ""))
    }

    /// The answer to a consumption.
    static func consumed(_ answer: ConsumptionAnswer) -> String {
        TerminalText.safe("consumed: \(answer.approvalId) by \(answer.consumedBy) at \(answer.consumedAt)")
    }

    /// `security 1 of 2 (ann), dba 0 of 1`; nil without groups.
    private static func tally(_ groups: [ApprovalAnswer.Group]) -> String? {
        groups.isEmpty ? nil : groups.map(group).joined(separator: ", ")
    }

    private static func group(_ group: ApprovalAnswer.Group) -> String {
        let people = group.approvedBy.isEmpty ? "" : " (\(group.approvedBy.joined(separator: ", ")))"
        let step = group.step.map { ", added by escalation \($0)" } ?? ""
        return "\(group.name) \(group.approvals) of \(group.n)\(people)\(step)"
    }

    private static func decision(_ decision: ApprovalAnswer.Decision) -> String {
        "\(decision.action) by \(decision.decidedBy) at \(decision.decidedAt)" + (decision.reason.map { ": \($0)" } ?? "")
    }

    private static func entry(_ entry: ApprovalAnswer.Entry) -> String {
        let parts = [
            entry.at, entry.type, entry.action, entry.by.map { "by \($0)" }, entry.onBehalfOf.map { "in the place of \($0)" },
            entry.reason.map { "(\($0))" },
        ]
        return parts.compactMap(\.self).joined(separator: " ")
    }

    /// Returns the text of a member of a JSON object; nil if it is absent or null, or the text is no object.
    private static func member(_ wanted: String, of body: [UInt8]) -> ArraySlice<UInt8>? {
        let found = try? JSONScanner.scan(body) { scanner throws(JSONSyntaxError) -> Range<Int>? in
            scanner.skipWhitespace()
            try scanner.openObject()
            var isFirst = true
            while let name = try scanner.nextMember(isFirst: isFirst) {
                isFirst = false
                let start = scanner.position
                try scanner.scanValue(depth: 1)
                if body[name].elementsEqual(wanted.utf8) { return start..<scanner.position }
            }
            return nil
        }
        guard let range = found ?? nil, !body[range].elementsEqual("null".utf8) else { return nil }
        return body[range]
    }
}
