import AccessControl
import Basics
import EventModel
import TestKit
import Testing

@testable import approval_api

/// Input of the approval API from clients and from the bus.
@Suite struct ApprovalFuzzTests {
    @Test func readMarks() throws {
        let seeds = [
            "inbox.acme.ann\n{\"epoch\":7,\"sequence\":42,\"at\":1711981930000}",
            "inbox.a=2Eb.=C3=A9\n{\"epoch\":65535,\"through\":9223372036854775807,\"at\":-1}",
        ]
        let tokens = ["inbox.", "\"epoch\":", "\"sequence\":", "\"through\":", "\"at\":", "=00", "=", "."]
        try Fuzzer("read marks", seeds: seeds, tokens: tokens).run { input in
            let end = input.firstIndex(of: 0x0A) ?? input.endIndex
            let subject = String(decoding: input[..<end], as: UTF8.self)
            guard let mark = ReadMark(subject: subject, body: Array(input[end...].dropFirst())) else { return }
            try expect(ReadMark(subject: mark.subject, body: try mark.body()) == mark, "written and read again it is another mark")
        }
    }

    @Test func notificationIDs() throws {
        let seeds = ["ntf_01HX9VTPQR3KF8MZWBYD5N6JCE", "evt_01HX9VTPQR3KF8MZWBYD5N6JCE", "ntf_7ZZZZZZZZZZZZZZZZZZZZZZZZZ"]
        try Fuzzer("notification ids", seeds: seeds, tokens: ["ntf_", "evt_", "Z"]).run { input in
            guard let text = String(validating: input, as: UTF8.self), let cursor = NotificationID.anyCursor(text) else { return }
            // What is one more, and what SQLite takes, must be there.
            try expect(cursor.sequence <= UInt64(Int64.max), "the sequence is \(cursor.sequence)")
        }
    }

    @Test func decisions() throws {
        let seeds = [
            #"{"action":"approve"}"#, #"{"action":"reject","reason":"no \ud83d\ude80","x":[]}"#, #"{"reason":null,"action":"approve"}"#,
        ]
        try Fuzzer("decisions", seeds: seeds, tokens: ["\"action\":", "\"reason\":", "\"approve\"", "\"expire\"", "\"\\u0061ction\":"]).run
        { input in
            guard let form = try? DecisionRequest(input) else { return }
            try expect(form.action == .approve || form.action == .reject, "the action is \(form.action)")
            try expect((form.reason ?? "").unicodeScalars.count <= DecisionRequest.maximumReason, "too long a reason")
        }
    }

    @Test func revocations() throws {
        let seeds = [
            #"{"jti":"a","tenant":"acme"}"#, #"{"sub":"ann","issuedBefore":"2024-04-01T14:32:10Z"}"#, #"{"sub":"\ud83d\ude80","jti":null}"#,
        ]
        let tokens = ["\"jti\":", "\"sub\":", "\"issuedBefore\":", "\"tenant\":", "\"\\u006ati\":", "null"]
        let now = Timestamp(millisecondsSinceEpoch: 1_711_981_930_000)
        try Fuzzer("revocations", seeds: seeds, tokens: tokens).run { input in
            guard let request = try? RevocationRequest(input, now: now) else { return }
            guard case .user(_, let issuedBefore) = request.target else { return }
            try expect(issuedBefore <= now.millisecondsSinceEpoch, "it revokes tokens in advance")
        }
    }
}
