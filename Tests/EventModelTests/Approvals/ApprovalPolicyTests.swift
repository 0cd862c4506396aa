import Basics
import EventModel
import TestKit
import Testing

@Suite struct ApprovalPolicyTests {
    private func payload(_ members: String) throws -> Payload {
        try Payload(validating: bytes(#"{"approvalId":"a","remediationId":"r"\#(members.isEmpty ? "" : ",")\#(members)}"#))
    }

    private func policy(_ members: String) throws -> ApprovalPolicy {
        try ApprovalPolicy(payload(members), field: "payload")
    }

    @Test func readsGroupsAndSteps() throws {
        let policy = try policy(
            #"""
            "groups":[{"name":"security","roles":["security","ciso"],"users":["ann","bob"],"n":2},{"n\u0061me":"owners","users":["cyn"]}],
            "escalation":[{"after":"10m","groups":[{"name":"leads","roles":["lead"]}]},{"after":"1h","groups":[{"name":"board","users":["é"],"n":1}]}]
            """#
        )
        #expect(
            policy.groups == [
                ApprovalGroup(name: "security", roles: ["security", "ciso"], users: ["ann", "bob"], needed: 2),
                ApprovalGroup(name: "owners", users: ["cyn"], needed: 1),
            ]
        )
        #expect(
            policy.escalations == [
                ApprovalEscalation(after: .seconds(600), groups: [ApprovalGroup(name: "leads", roles: ["lead"], needed: 1)]),
                ApprovalEscalation(after: .seconds(3600), groups: [ApprovalGroup(name: "board", users: ["é"], needed: 1)]),
            ]
        )
        #expect(policy.baseSet == policy.groups)
    }

    @Test(arguments: ["", #""groups":[],"escalation":[]"#, #""groups":null,"escalation":null"#])
    func withoutGroupsOneAdminDecides(_ members: String) throws {
        let policy = try policy(members)
        #expect(policy.groups.isEmpty && policy.escalations.isEmpty)
        #expect(policy.baseSet == ApprovalPolicy.anyAdmin)
        #expect(policy.baseSet == [ApprovalGroup(name: "admin", roles: ["admin"], needed: 1)])
    }

    @Test func aRequestWithoutGroupsMayEscalate() throws {
        let policy = try policy(#""escalation":[{"after":"30s","groups":[{"name":"leads","roles":["lead"]}]}]"#)
        #expect(policy.groups.isEmpty)
        #expect(policy.escalations.count == 1)
    }

    @Test func membersHaveARoleOrAreNamed() throws {
        let group = ApprovalGroup(name: "g", roles: ["security"], users: ["ann"], needed: 1)
        #expect(group.admits("ann", roles: []))
        #expect(group.admits("bob", roles: ["other", "security"]))
        #expect(!group.admits("bob", roles: ["other", "admin"]))
        #expect(!group.admits("Ann", roles: []))
    }

    private static func group(_ members: String) -> String { #""groups":[{"name":"g","roles":["r"]},{\#(members)}]"# }
    private static func step(_ members: String) -> String {
        #""escalation":[{"after":"1m","groups":[{"name":"s","roles":["r"]}]},{\#(members)}]"#
    }
    private static func names(_ count: Int) -> String { (0..<count).map { #""x\#($0)""# }.joined(separator: ",") }
    private static func groups(_ count: Int) -> String {
        (0..<count).map { #"{"name":"g\#($0)","roles":["r"]}"# }.joined(separator: ",")
    }
    private static func steps(_ count: Int) -> String {
        (1...count).map { #"{"after":"\#($0)m","groups":[{"name":"s\#($0)","roles":["r"]}]}"# }.joined(separator: ",")
    }

    @Test(arguments: [
        (#""groups":{}"#, "groups"), (#""groups":"security""#, "groups"), (#""groups":[[]]"#, "groups[0]"),
        (#""groups":[null]"#, "groups[0]"), (#""groups":[{}]"#, "groups[0].name"),
        (group(#""name":7,"roles":["r"]"#), "groups[1].name"), (group(#""name":null,"roles":["r"]"#), "groups[1].name"),
        (group(#""name":"","roles":["r"]"#), "groups[1].name"), (group(#""name":"a\nb","roles":["r"]"#), "groups[1].name"),
        (group(#""name":"\#(String(repeating: "x", count: 129))","roles":["r"]"#), "groups[1].name"),
        (group(#""name":"g","roles":["r"]"#), "groups[1].name"),
        (group(#""name":"h""#), "groups[1]"), (group(#""name":"h","roles":[],"users":[]"#), "groups[1]"),
        (group(#""name":"h","role":["r"],"users":["ann"]"#), "groups[1]"), (group(#""name":"h","users":["ann"],"N":1"#), "groups[1]"),
        (group(#""name":"h","roles":"r""#), "groups[1].roles"), (group(#""name":"h","roles":["r",7]"#), "groups[1].roles[1]"),
        (group(#""name":"h","roles":[""]"#), "groups[1].roles[0]"), (group(#""name":"h","roles":["a\u0085"]"#), "groups[1].roles[0]"),
        (group(#""name":"h","roles":["\#(String(repeating: "x", count: 129))"]"#), "groups[1].roles[0]"),
        (group(#""name":"h","roles":["r","\u0072"]"#), "groups[1].roles[1]"),
        (group(#""name":"h","roles":[\#(names(65))]"#), "groups[1].roles"),
        (group(#""name":"h","users":[null]"#), "groups[1].users[0]"), (group(#""name":"h","users":["a","a"]"#), "groups[1].users[1]"),
        (group(#""name":"h","users":["\#(String(repeating: "x", count: 257))"]"#), "groups[1].users[0]"),
        (group(#""name":"h","users":[\#(names(257))]"#), "groups[1].users"),
        (group(#""name":"h","roles":["r"],"n":0"#), "groups[1].n"), (group(#""name":"h","roles":["r"],"n":101"#), "groups[1].n"),
        (group(#""name":"h","roles":["r"],"n":-1"#), "groups[1].n"), (group(#""name":"h","roles":["r"],"n":1.0"#), "groups[1].n"),
        (group(#""name":"h","roles":["r"],"n":"1""#), "groups[1].n"), (group(#""name":"h","roles":["r"],"n":true"#), "groups[1].n"),
        (group(#""name":"h","roles":["r"],"n":99999999999999999999"#), "groups[1].n"),
        (group(#""name":"h","users":["ann","bob"],"n":3"#), "groups[1].users"),
        (#""groups":[\#(groups(17))]"#, "groups"),
        (#""escalation":{}"#, "escalation"), (#""escalation":[\#(steps(9))]"#, "escalation"), (#""escalation":[1]"#, "escalation[0]"),
        (step(""), "escalation[1].after"), (step(#""after":"2m""#), "escalation[1].groups"),
        (step(#""after":"2m","groups":[]"#), "escalation[1].groups"), (step(#""after":120,"groups":[]"#), "escalation[1].after"),
        (step(#""after":"soon","groups":[\#(groups(1))]"#), "escalation[1].after"),
        (step(#""after":"999ms","groups":[\#(groups(1))]"#), "escalation[1].after"),
        (step(#""after":"367d","groups":[\#(groups(1))]"#), "escalation[1].after"),
        (step(#""after":"1m","groups":[\#(groups(1))]"#), "escalation[1].after"),
        (step(#""after":"59s","groups":[\#(groups(1))]"#), "escalation[1].after"),
        (step(#""after":"2m","groups":[{"name":"s","roles":["r"]}]"#), "escalation[1].groups[0].name"),
        (step(#""after":"2m","groups":[{"name":"admin","roles":["r"]}]"#), "escalation[1].groups[0].name"),
        (step(#""after":"2m","groups":[\#(groups(17))]"#), "escalation[1].groups"),
        (step(#""after":"2m","groups":[{"name":"t","users":["a"],"n":2}]"#), "escalation[1].groups[0].users"),
        (step(#""after":"2m","group":[]"#), "escalation[1]"),
    ])
    func refusesWithThePathOfTheMember(_ members: String, _ path: String) throws {
        #expect(fault { try policy(members) }?.field == "payload.\(path)", "\(members)")
    }

    @Test func namesTheMemberThatItDoesNotKnow() throws {
        let error = try #require(fault { try policy(#""groups":[{"name":"g","roles":["r"],"needed":2}]"#) })
        #expect(error.message.contains(#""needed""#))
    }

    @Test(arguments: [
        #""groups":[\#(groups(16))],"escalation":[\#(steps(8))]"#,
        group(#""name":"h","roles":[\#(names(64))],"users":[\#(names(256))],"n":100"#),
        group(#""name":"h","roles":["r"],"n":100"#), group(#""name":"h","roles":null,"users":["ann"],"n":null"#),
        step(#""after":"366d","groups":[{"name":"g","roles":["r"]}]"#),
    ])
    func takesWhatIsWithinTheBounds(_ members: String) throws {
        #expect(fault { try policy(members) } == nil)
    }

    @Test(arguments: [
        // Two groups need two people, but know one.
        (#"{"name":"a","users":["ann"]},{"name":"b","users":["ann"]}"#, false),
        (#"{"name":"a","users":["ann","bob"]},{"name":"b","users":["ann"]}"#, true),
        (#"{"name":"a","users":["ann","bob"],"n":2},{"name":"b","users":["ann","bob"]}"#, false),
        (#"{"name":"a","users":["ann","bob","cyn"],"n":2},{"name":"b","users":["ann","bob"]}"#, true),
        (#"{"name":"a","users":["ann","bob"]},{"name":"b","users":["ann","bob"]},{"name":"c","users":["ann","bob"]}"#, false),
        // Anybody may have the role.
        (#"{"name":"a","users":["ann"]},{"name":"b","users":["ann"],"roles":["r"]}"#, true),
        (#"{"name":"a","users":["ann"],"roles":["r"],"n":9},{"name":"b","users":["ann"]}"#, true),
    ])
    func differentPeopleMustBeAbleToSatisfyASet(_ groups: String, _ isAccepted: Bool) throws {
        #expect(fault { try policy(#""groups":[\#(groups)]"#) }?.field == (isAccepted ? nil : "payload.groups"))
        let step = #""escalation":[{"after":"1h","groups":[\#(groups)]}]"#
        #expect(fault { try policy(step) }?.field == (isAccepted ? nil : "payload.escalation[0].groups"))
    }

    /// Each set is satisfied for itself, so a person may be named in several.
    @Test func setsDoNotCompete() throws {
        let members = #""groups":[{"name":"a","users":["ann"]}],"escalation":[{"after":"1h","groups":[{"name":"b","users":["ann"]}]}]"#
        #expect(fault { try policy(members) } == nil)
    }

    @Test(arguments: [
        (#""fourEyes":true,"requestedBy":"ann""#, #"{"name":"a","users":["ann"]}"#, "groups[0].users"),
        (#""fourEyes":true,"requestedBy":"ann""#, #"{"name":"a","users":["ann","bob"]}"#, nil),
        (#""fourEyes":true,"requestedBy":"ann""#, #"{"name":"a","users":["ann","bob"],"n":2}"#, "groups[0].users"),
        (#""fourEyes":true,"requestedBy":"ann""#, #"{"name":"a","users":["ann"],"roles":["r"],"n":2}"#, nil),
        (#""fourEyes":true,"requestedBy":"ann""#, #"{"name":"a","users":["ann","bob"]},{"name":"b","users":["ann","bob"]}"#, "groups"),
        (#""fourEyes":false,"requestedBy":"ann""#, #"{"name":"a","users":["ann"]}"#, nil),
        (#""requestedBy":"ann""#, #"{"name":"a","users":["ann"]}"#, nil),
        (#""fourEyes":true"#, #"{"name":"a","users":["ann"]}"#, nil),
    ])
    func theRequesterDoesNotCountUnderFourEyes(_ members: String, _ groups: String, _ path: String?) throws {
        #expect(fault { try policy(#"\#(members),"groups":[\#(groups)]"#) }?.field == path.map { "payload.\($0)" })
    }

    /// What is accepted keeps the bounds, and can be satisfied.
    @Test func mutatedPolicies() throws {
        let seeds = [
            #"{"groups":[{"name":"a","roles":["security"],"users":["ann","bob"],"n":2},{"name":"b","users":["cyn"]}],"fourEyes":true,"requestedBy":"dan"}"#,
            #"{"escalation":[{"after":"10m","groups":[{"name":"a","roles":["lead"]}]},{"after":"1.5h","groups":[{"name":"b","users":["x","y"],"n":2}]}]}"#,
        ]
        let tokens = [
            #""groups":"#, #""escalation":"#, #""n":"#, #""users":"#, #""roles":"#, #""name":"#, #""after":"#, "10m", "366d", "101",
        ]
        try Fuzzer("approval policy", seeds: seeds, tokens: tokens).run { input in
            guard let payload = try? Payload(validating: input), let policy = try? ApprovalPolicy(payload, field: "payload") else { return }
            let sets = [policy.baseSet] + policy.escalations.map(\.groups)
            let names = sets.joined().map(\.name)
            try expect(Set(names).count == names.count, "a name stands twice")
            for group in sets.joined() {
                try expect((1...100).contains(group.needed), "n is \(group.needed)")
                try expect(!group.roles.isEmpty || group.users.count >= group.needed, "nobody satisfies \(group.name)")
            }
            for set in sets {
                let people = Set(set.flatMap(\.users)).map { user in Set(set.filter { $0.users.contains(user) }.map(\.name)) }
                let strangers = set.flatMap { group in group.roles.isEmpty ? [] : Array(repeating: Set([group.name]), count: group.needed) }
                try expect(ApprovalMatching(groups: set, voters: people + strangers).isComplete, "nobody satisfies the set")
            }
            try expect(zip(policy.escalations, policy.escalations.dropFirst()).allSatisfy { $0.after < $1.after }, "steps are not in order")
        }
    }
}
