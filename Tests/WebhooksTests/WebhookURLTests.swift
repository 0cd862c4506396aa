import Basics
import Glibc
import TestKit
import Testing

@testable import Webhooks

/// URLs of endpoints: one meaning for all parsers.
@Suite("Webhook URLs") struct WebhookURLTests {
    @Test(
        "Accepted URLs have a normal form",
        arguments: [
            ("https://hooks.example", "https://hooks.example/"), ("HTTPS://Hooks.EXAMPLE:443/a?b=c", "https://hooks.example/a?b=c"),
            ("https://hooks.example:8443/", "https://hooks.example:8443/"), ("http://hooks.example:80/", "http://hooks.example/"),
            ("https://hooks.example:80/", "https://hooks.example:80/"), ("https://hooks.example?x=1", "https://hooks.example/?x=1"),
            ("https://xn--bcher-kva.example/%C3%A9", "https://xn--bcher-kva.example/%C3%A9"),
            ("https://a_b.example/", "https://a_b.example/"),
            ("https://8.8.8.8/x", "https://8.8.8.8/x"), ("https://[2606:4700:0::1111]:443/", "https://[2606:4700::1111]/"),
            ("https://hooks.example/a/../b//c;d=e,f?g[]=h&i=%20", "https://hooks.example/a/../b//c;d=e,f?g[]=h&i=%20"),
            ("https://hooks.example/a:b@c", "https://hooks.example/a:b@c"), ("https://0x7f.example/", "https://0x7f.example/"),
            ("https://receiver/", "https://receiver/"),
        ]
    )
    func accepted(_ text: String, _ normal: String) throws {
        let url = try WebhookURL(text)
        #expect("\(url)" == normal)
        #expect(try WebhookURL(normal) == url)
        #expect(normal.hasPrefix(url.origin) && normal.hasSuffix(url.target))
    }

    @Test func thePartsAreThoseOfTheText() throws {
        let url = try WebhookURL("http://[::1]:8080/a?b")
        #expect(url.host == .address(.v6(1)) && url.port == 8080 && !url.isSecure && url.target == "/a?b" && url.authority == "[::1]:8080")
        let other = try WebhookURL("https://Hooks.Example/token")
        #expect(other.host == .name("hooks.example") && other.port == 443 && other.isSecure && other.authority == "hooks.example")
        #expect(other.origin == "https://hooks.example", "a log gets no token")
    }

    @Test(
        "Refused URLs",
        arguments: [
            "", "hooks.example", "https:hooks.example", "https:/hooks.example", "https://", "https:///path", "https://:443/",
            "//hooks.example/",
            "ftp://hooks.example/", "file:///etc/passwd", "gopher://hooks.example/", "javascript:alert(1)", "https://hooks.example/#a",
            "https://hooks.example#",
            "https://u@hooks.example/", "https://u:p@hooks.example/", "https://@hooks.example/", "https://hooks.example:/",
            "https://hooks.example:0x1bb/",
            "https://hooks.example:65536/", "https://hooks.example:0/", "https://hooks.example:22/", "https://hooks.example:25/",
            "https://hooks.example:6379/", "https://hooks.example:4222/", "https://hooks.example:443:443/", "https://hooks.example:+443/",
            "https://hooks.example:000443/", "https://hooks.example\\@evil.example/", "https://hooks.example/a b",
            "https://hooks.example/\t",
            "https://hooks.example/\r\nhost: x", " https://hooks.example/", "https://hooks.example/ ", "https://hooks.example/%",
            "https://hooks.example/%zz",
            "https://hooks.example./", "https://.hooks.example/", "https://hooks..example/", "https://-a.example/", "https://a-.example/",
            "https://hooks%2eexample/", "https://hooks.example%00/", "https://b\u{fc}cher.example/", "https://hooks.example/\u{e9}",
            "https://hooks.example/\"<>", "https://[::1/", "https://[]/", "https://[::1]x/", "https://[8.8.8.8]/", "https://[v1.a]/",
            "https://a[::1]/",
            "https://hooks*.example/", "https://hooks!.example/", "https://\u{200b}hooks.example/",
        ]
    )
    func refused(_ text: String) {
        let error = #expect(throws: ValidationError.self) { try WebhookURL(text) }
        #expect(error?.field == "url")
    }

    @Test func longURLsAndNamesAreRefused() throws {
        let room = WebhookURL.maximumBytes - "https://a.example/".utf8.count
        #expect(throws: Never.self) { try WebhookURL("https://a.example/" + String(repeating: "x", count: room)) }
        #expect(throws: ValidationError.self) { try WebhookURL("https://a.example/" + String(repeating: "x", count: room + 1)) }
        let label = String(repeating: "a", count: 63)
        #expect(throws: Never.self) { try WebhookURL("https://\(label).example/") }
        #expect(throws: ValidationError.self) { try WebhookURL("https://a\(label).example/") }
        #expect(throws: ValidationError.self) { try WebhookURL("https://\(label).\(label).\(label).\(label).example/") }
    }

    /// Forms in which a forbidden host can be written: each is refused where the endpoint is registered.
    static let forbidden: [String] = [
        // Loopback, in the spellings of inet_aton(3): decimal, octal, hexadecimal, short, mixed.
        "127.0.0.1", "127.0.0.2", "127.255.255.254", "2130706433", "017700000001", "0x7f000001", "0X7F000001", "127.1", "127.0.1",
        "0177.0.0.1",
        "0x7f.0.0.1", "0x7f.1", "127.0.0.0x1", "0177.0.0.0x1", "127.0.0.01", "0127.0.0.1", "00000177.0.0.1", "127.0.0.1.", "127.0.0.1%00",
        "0x7f.0x0.0x0.0x1", "0x", "0x7f000001.", "4294967295", "340282366920938463463374607431768211455",
        // Private, link-local, metadata and the other ranges.
        "0.0.0.0", "0", "0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "167772161", "172.16.0.1", "172.31.255.255", "192.168.0.1",
        "3232235521",
        "169.254.1.1", "169.254.169.254", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.170.2", "100.64.0.1",
        "100.100.100.200",
        "168.63.129.16", "192.0.0.192", "192.0.0.8", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1",
        "239.255.255.250", "240.0.0.1", "255.255.255.255",
        // IPv6, and IPv4 inside of it.
        "[::]", "[::1]", "[0:0:0:0:0:0:0:1]", "[0000:0000:0000:0000:0000:0000:0000:0001]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:127.0.0.1]", "[::FFFF:10.0.0.1]", "[::ffff:169.254.169.254]", "[::ffff:8.8.8.8]", "[::127.0.0.1]", "[::7f00:1]",
        "[::10.0.0.1]", "[::ffff:0:127.0.0.1]", "[64:ff9b::127.0.0.1]", "[64:ff9b::a00:1]", "[64:ff9b::169.254.169.254]", "[64:ff9b:1::1]",
        "[64:ff9b:1:7f00:0:100::]", "[2002:7f00:1::]", "[2002:a9fe:a9fe::1]", "[2001::1]", "[2001:0:4136:e378:8000:63bf:80ff:fffe]",
        "[2606:4700::5efe:127.0.0.1]", "[2606:4700::200:5efe:a00:1]", "[fe80::1]", "[fe80::1%25eth0]", "[fe80::1%eth0]", "[::1%25lo]",
        "[febf::1]",
        "[fc00::1]", "[fd00::1]", "[fd00:ec2::254]", "[fec0::1]", "[feff::1]", "[ff02::1]", "[ff0e::1]", "[2001:db8::1]", "[3fff::1]",
        "[2001:2::1]",
        "[2001:10::1]", "[100::1]", "[5f00::1]", "[::2]", "[1::1]",
        // Spellings that some parsers repair: digits of other scripts, the ideographic stop, escapes, credentials, backslashes.
        "１２７.0.0.1", "127。0。0。1", "①②⑦.0.0.1", "%31%32%37.0.0.1", "127%2e0.0.1", "%5b::1%5d", "hooks.example@127.0.0.1",
        "127.0.0.1\\@hooks.example",
        "127.0.0.1\t", "127.0.0.1\n", "ⓛocalhost", "localhost%00.example", "127.0.0.1:443@hooks.example", "[::1].hooks.example",
        "1.2.3.4.5", "127..1",
    ]

    @Test("Every form of a forbidden host is refused", arguments: forbidden)
    func forbiddenHost(_ host: String) throws {
        #expect(Self.forbidden.count >= 60)
        for text in ["https://\(host)/", "http://\(host)/", "https://\(host):8443/a?b"] {
            guard let url = try? WebhookURL(text) else { continue }
            guard case .address = url.host else {
                Issue.record("\(text) was read as the name of \(url.host)")
                continue
            }
            #expect(throws: AddressRules.Refusal.self, "\(text)") { try AddressRules().check(url) }
        }
    }

    /// What the parser reads as a name is no address for the system's functions either, and nothing can end a line or a header.
    @Test func fuzzedURLsHaveOneMeaning() throws {
        let seeds = ["https://hooks.example:8443/a?b=c", "http://10.0.0.1/", "https://[2606:4700::1111]/x", "https://xn--a.b_c.d-e:443?q"]
        let fuzzer = Fuzzer(
            "webhook URL",
            seeds: seeds + Self.forbidden.map { "https://\($0)/" },
            tokens: [
                "https://", "http://", "//", "@", "[", "]", "::", "::ffff:", "0x", "0x7f", "127.1", "%25", "%00", "#", "?", "\\", ":443",
                ":0", ".", "。", "xn--",
            ]
        )
        try fuzzer.run { bytes in
            guard let text = String(validating: bytes, as: UTF8.self), let url = try? WebhookURL(text) else { return }
            try expect((try? WebhookURL("\(url)")) == url, "the normal form \(url) is read differently")
            try expect("\(url)".utf8.allSatisfy { (0x21...0x7E).contains($0) }, "\(url) has a byte that ends a line")
            try expect(url.target.hasPrefix("/") && !url.target.contains("#"), "the target is \(url.target)")
            if case .name(let name) = url.host {
                let isAddress = withUnsafeTemporaryAllocation(of: in_addr.self, capacity: 1) { inet_aton(name, $0.baseAddress) != 0 }
                try expect(!isAddress, "the system reads \(name) as an address")
                try expect(IPAddress(name) == nil, "\(name) is an address")
                try expect(!name.contains(where: { "@/?:[]%\\".contains($0) }), "the host is \(name)")
            }
        }
    }
}
