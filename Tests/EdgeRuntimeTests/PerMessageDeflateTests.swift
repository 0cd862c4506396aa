import Testing

@testable import EdgeRuntime

@Suite("Negotiating compression")
struct PerMessageDeflateTests {
    private static let plain = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
    private static let bounded = plain + "; server_max_window_bits=12"

    @Test(
        "offers that can be met",
        arguments: [
            // Chromium's and Firefox's.
            (["permessage-deflate; client_max_window_bits"], plain),
            (["permessage-deflate"], plain),
            // Python's websockets.
            (["permessage-deflate; server_max_window_bits=12; client_max_window_bits=12"], bounded),
            (["permessage-deflate; server_no_context_takeover; client_no_context_takeover"], plain),
            (["permessage-deflate;server_max_window_bits=15"], bounded),
            (["permessage-deflate; client_max_window_bits=8"], plain),
            (["permessage-deflate; client_max_window_bits=15"], plain),
            // Quoted values, with an escape.
            (["permessage-deflate; server_max_window_bits=\"12\""], bounded),
            (["permessage-deflate; server_max_window_bits=\"1\\2\""], bounded),
            (["permessage-deflate ;\tclient_max_window_bits = 10"], plain),
            // The first acceptable offer is chosen.
            (["x-webkit-deflate-frame, permessage-deflate; client_max_window_bits"], plain),
            (["permessage-deflate; server_max_window_bits=10, permessage-deflate"], plain),
            (["permessage-deflate; server_max_window_bits=10", "permessage-deflate; server_max_window_bits=13"], bounded),
            (["permessage-deflate; made_up, permessage-deflate; server_max_window_bits=14"], bounded),
            (["other; q=\"a\\,b\"", ",,permessage-deflate,"], nil),
            (["other; q=\"ab\"", ",,permessage-deflate,"], plain),
        ] as [([String], String?)]
    )
    func offers(_ values: [String], _ answer: String?) {
        #expect(PerMessageDeflate.answer(toOffers: values) == answer)
    }

    @Test(
        "offers that cannot be met, and what is no offer",
        arguments: [
            [],
            [""],
            [" , ,"],
            ["permessage-bzip2"],
            ["Permessage-Deflate"],
            ["permessage-deflate-2"],
            ["permessage-deflate; made_up"],
            ["permessage-deflate; made_up=1"],
            ["permessage-deflate; server_max_window_bits"],
            ["permessage-deflate; server_max_window_bits=8"],
            ["permessage-deflate; server_max_window_bits=11"],
            ["permessage-deflate; server_max_window_bits=16"],
            ["permessage-deflate; server_max_window_bits=012"],
            ["permessage-deflate; server_max_window_bits=+12"],
            ["permessage-deflate; server_max_window_bits=1e1"],
            ["permessage-deflate; server_max_window_bits=99999999999999999999"],
            ["permessage-deflate; client_max_window_bits=7"],
            ["permessage-deflate; client_max_window_bits=16"],
            ["permessage-deflate; client_max_window_bits=x"],
            ["permessage-deflate; server_no_context_takeover=1"],
            ["permessage-deflate; client_no_context_takeover=true"],
            ["permessage-deflate; client_max_window_bits; client_max_window_bits=10"],
            ["permessage-deflate; server_no_context_takeover; server_no_context_takeover"],
            // Syntax errors.
            ["permessage-deflate;"],
            ["permessage-deflate; ; client_max_window_bits"],
            ["permessage-deflate; =10"],
            ["permessage-deflate; client_max_window_bits="],
            ["permessage-deflate; client_max_window_bits=\""],
            ["permessage-deflate; client_max_window_bits=\"\""],
            ["permessage-deflate; client_max_window_bits=\"10"],
            ["permessage-deflate; client_max_window_bits=\"10\\"],
            ["permessage-deflate; client_max_window_bits=\"1 0\""],
            ["permessage-deflate client_max_window_bits"],
            ["permessage-deflate; a=b=c"],
            ["permessage-deflate, {}"],
            ["permessage-deflate, größe"],
            [";permessage-deflate"],
        ] as [[String]]
    )
    func declined(_ values: [String]) {
        #expect(PerMessageDeflate.answer(toOffers: values) == nil)
    }

    @Test("members and parameters keep their order and their case")
    func parsing() {
        #expect(
            ExtensionOffer.parse(["a; B=1; c", "d;e=\"x\""]) == [
                ExtensionOffer(name: "a", parameters: [.init(name: "B", value: "1"), .init(name: "c", value: nil)]),
                ExtensionOffer(name: "d", parameters: [.init(name: "e", value: "x")]),
            ]
        )
        #expect(ExtensionOffer.parse([]) == [])
    }
}
