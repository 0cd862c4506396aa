import TestKit
import Testing

@testable import NATSClient

/// What other clients of the bus write: headers and reply subjects.
@Suite struct WireFuzzTests {
    @Test func headerBlocks() throws {
        let seeds = [
            "NATS/1.0\r\nce-id: 1\r\nCe-UserID: ann\r\nNats-Msg-Id: acme.1\r\n\r\n", "NATS/1.0 503 No Responders\r\n\r\n",
            "NATS/1.0\r\nA: 1\r\na: 1\r\nB:2 : 3  \r\nno colon\r\n folded\r\nA:4\r\n\r\n",
        ]
        let tokens = ["NATS/1.0", "\r\n", "\n", "\r", ":", ": ", "ce-id", "CE-ID", "ce-userid: ", "\r\n\r\n", " 404 "]
        try Fuzzer("headers of the bus", seeds: seeds, tokens: tokens).run { input in
            try input.withUnsafeBytes { bytes in
                let block = HeaderBlock(bytes)
                _ = (block.status, block.statusDescription)
                let headers = block.headers
                for name in ["ce-id", "ce-userid", "a", "nats-msg-id", ""] {
                    let values = headers.fields.filter { $0.name.lowercased() == name }.map(\.value)
                    try expect(block.first(name) == headers[name], "\(name): \(block.first(name) ?? "nil"), \(headers[name] ?? "nil")")
                    if let only = try? block.only(name) {
                        try expect(values.allSatisfy { $0.utf8.elementsEqual(only.utf8) }, "\(name) is \(only), of \(values)")
                    }
                }
            }
        }
    }

    @Test func replySubjects() throws {
        let seeds = [
            "$JS.ACK.EVENTS.consumer.1.42.7.1711981930000000000.3", "$JS.ACK._.hash.EVENTS.consumer.1.42.7.1711981930000000000.3.random",
            "$JS.ACK.hub.hash.EVENTS.consumer.18446744073709551615.18446744073709551615.1.18446744073709551615.0.x",
        ]
        try Fuzzer("reply subjects", seeds: seeds, tokens: ["$JS.ACK.", ".", "..", "+1"]).run { input in
            guard let text = String(validating: input, as: UTF8.self), let metadata = DeliveryMetadata(reply: text) else { return }
            try expect(text.contains(String(metadata.streamSequence)), "the sequence \(metadata.streamSequence) is nowhere in it")
        }
    }

    @Test func subjects() throws {
        let seeds = ["events.acme.incident.created", "rpc.agent.list", "a.*.b", "a.>"]
        try Fuzzer("subjects", seeds: seeds, tokens: [".", "..", "*", ">", " ", "\r\n"]).run { input in
            guard let text = String(validating: input, as: UTF8.self) else { return }
            guard (try? Subject.validate(forPublishing: text)) != nil else { return }
            try expect(input.allSatisfy { $0 > 0x20 && $0 != 0x7F } && input.count <= Subject.maxLength, "a subject that ends its line")
            try expect((try? Subject.validate(forSubscribing: text)) != nil, "to be published on, and not to be subscribed to")
        }
    }
}
