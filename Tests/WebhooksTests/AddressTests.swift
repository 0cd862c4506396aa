import Basics
import Glibc
import TestKit
import Testing

@testable import Webhooks

/// Addresses, networks and the rules about them.
@Suite("Addresses") struct AddressTests {
    @Test(
        "Addresses have one text",
        arguments: [
            ("8.8.8.8", "8.8.8.8"), ("255.255.255.255", "255.255.255.255"), ("::", "::"), ("0:0:0:0:0:0:0:1", "::1"),
            ("2606:4700:0:0:0:0:0:1111", "2606:4700::1111"), ("FE80::1", "fe80::1"), ("::ffff:1.2.3.4", "::ffff:1.2.3.4"),
        ]
    )
    func text(_ text: String, _ shown: String) throws {
        let address = try #require(IPAddress(text))
        #expect("\(address)" == shown)
        #expect(IPAddress("\(address)") == address)
    }

    @Test(
        "Other spellings are not addresses",
        arguments: [
            "", "1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "127.0.0.01", "256.0.0.1", "1.2.3.4.5",
            "1.2.3.4.",
            ".1.2.3.4", "1..2.3", "1.2.3.-4", "+1.2.3.4", " 1.2.3.4", "1.2.3.4 ", "[::1]", "::1%lo", "fe80::1%25eth0", ":::", "1::2::3",
            "::g", ":",
            "１.2.3.4", "0000000000000000000000000000000000000000000000::1", "1.2.3.0000000004",
        ]
    )
    func noAddress(_ text: String) { #expect(IPAddress(text) == nil) }

    @Test(
        "Networks",
        arguments: [
            ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"), ("0.0.0.0/0", "255.1.2.3", "::1"), ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::"), ("::/0", "ffff::", "0.0.0.0"), ("::1/128", "::1", "::2"),
        ]
    )
    func network(_ text: String, _ inside: String, _ outside: String) throws {
        let network = try #require(IPNetwork(text))
        #expect(network.contains(try #require(IPAddress(inside))))
        #expect(!network.contains(try #require(IPAddress(outside))))
        #expect(IPNetwork("\(network)") == network)
    }

    @Test(
        "What is not a network",
        arguments: [
            "", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/8", "10.0.0.1/8", "fd00::1/8", "::/129", "localhost",
            "10.0.0.0/08x",
        ]
    )
    func noNetwork(_ text: String) { #expect(IPNetwork(text) == nil) }

    /// One address at each end of each range.
    @Test(
        "Kinds of addresses",
        arguments: [
            (AddressKind.unspecified, ["0.0.0.0", "0.255.255.255", "::"]), (.loopback, ["127.0.0.1", "127.255.255.254", "::1"]),
            (.private, ["10.0.0.0", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.255.255"]),
            (.sharedAddressSpace, ["100.64.0.0", "100.127.255.255"]),
            (.linkLocal, ["169.254.0.1", "169.254.255.255", "fe80::1", "febf::1"]),
            (.metadata, ["169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254"]),
            (.documentation, ["192.0.2.1", "198.51.100.255", "203.0.113.1", "2001:db8::1", "3fff::1"]),
            (.benchmark, ["198.18.0.1", "198.19.255.255", "2001:2::1"]),
            (.multicast, ["224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"]),
            (.broadcast, ["255.255.255.255"]),
            (.reserved, ["240.0.0.1", "255.255.255.254", "192.0.0.1", "2001:10::1", "2001:20::1", "100::1", "5f00::1", "4000::1", "1::1"]),
            (.uniqueLocal, ["fc00::1", "fdff:ffff::1"]), (.siteLocal, ["fec0::1", "feff::1"]),
            (.mapped, ["::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:7f00:1"]), (.compatible, ["::127.0.0.1", "::8.8.8.8", "::2"]),
            (.translated, ["64:ff9b::7f00:1", "64:ff9b::8.8.8.8", "64:ff9b:1::1", "64:ff9b:1:ffff::10.0.0.1", "::ffff:0:127.0.0.1"]),
            (.sixToFour, ["2002:7f00:1::1", "2002:808:808::1", "192.88.99.1"]),
            (.teredo, ["2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2"]),
            (.isatap, ["2606:4700::5efe:7f00:1", "2606:4700::200:5efe:10.0.0.1"]),
        ]
    )
    func kind(_ kind: AddressKind, _ texts: [String]) throws {
        let rules = try AddressRules()
        for text in texts {
            let address = try #require(IPAddress(text), "\(text)")
            #expect(AddressKind.of(address) == kind, "\(text)")
            #expect(rules.refusal(of: address) == kind, "\(text)")
        }
        #expect(kind.phrase.hasPrefix("a"))
    }

    @Test(
        "Hosts of the Internet are open",
        arguments: [
            "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.1",
            "172.15.255.255", "172.32.0.0",
            "169.253.255.255", "192.167.255.255", "198.17.255.255", "198.20.0.0", "223.255.255.255", "2606:4700::1111", "2a00:1450::1",
            "2400::1",
            "2001:200::1", "2003::1",
        ]
    )
    func open(_ text: String) throws {
        #expect(try AddressRules().refusal(of: #require(IPAddress(text))) == nil)
    }

    @Test func allowedNetworksOpenWhatTheyNameAlone() throws {
        let rules = try AddressRules(allowedNetworks: ["127.0.0.0/8", "fd00::/8"])
        func refusal(_ text: String) throws -> AddressKind? { rules.refusal(of: try #require(IPAddress(text))) }
        #expect(try refusal("127.0.0.1") == nil)
        #expect(try refusal("fd12::1") == nil)
        #expect(try refusal("10.0.0.1") == .private)
        #expect(try refusal("::1") == .loopback)
        #expect(try refusal("::ffff:127.0.0.1") == .mapped, "another form of the address was not named")
        let loopback = try AddressRules(allowedNetworks: ["::1"])
        #expect(try loopback.check([#require(IPAddress("::1"))], of: WebhookURL("http://[::1]:3000/")).count == 1)
        #expect(try loopback.refusal(of: #require(IPAddress("::7f00:1"))) != nil, "it embeds 127.0.0.1")
    }

    /// In a network with NAT64 all IPv4 hosts are reached by its prefix: naming it must not open the private hosts behind the translator.
    @Test(
        "A named prefix does not open what is behind it",
        arguments: [
            ("64:ff9b::/96", "64:ff9b::8.8.8.8", "64:ff9b::10.0.0.1", AddressKind.private),
            ("64:ff9b:1::/48", "64:ff9b:1::1.1.1.1", "64:ff9b:1::127.0.0.1", .loopback),
            ("::ffff:0:0/96", "::ffff:1.1.1.1", "::ffff:169.254.169.254", .metadata), ("::/96", "::1.1.1.1", "::10.0.0.1", .private),
            ("2002::/16", "2002:808:808::1", "2002:a00:1::1", .private), ("2001::/32", "2001::f7f7:f7f7", "2001::f5ff:fffe", .private),
            ("2606:4700::/32", "2606:4700::5efe:8.8.8.8", "2606:4700::5efe:192.168.0.1", .private),
        ]
    )
    func embedded(_ network: String, _ open: String, _ closed: String, _ kind: AddressKind) throws {
        let rules = try AddressRules(allowedNetworks: [network])
        #expect(rules.refusal(of: try #require(IPAddress(open))) == nil)
        #expect(rules.refusal(of: try #require(IPAddress(closed))) == kind)
        let both = try AddressRules(allowedNetworks: [network, "0.0.0.0/0"])
        #expect(both.refusal(of: try #require(IPAddress(closed))) == nil)
    }

    @Test func allowedNetworksThatAreNotNetworksAreRefused() {
        for entry in ["localhost", "10.0.0.1/8", "", "127.1/8"] {
            let error = #expect(throws: ValidationError.self) { try AddressRules(allowedNetworks: ["10.0.0.0/8", entry]) }
            #expect(error?.field == "WEBHOOK_ALLOWED_NETWORKS")
        }
    }

    @Test func oneRefusedAddressRefusesTheName() throws {
        let url = try WebhookURL("https://hooks.example/")
        let rules = try AddressRules(allowedNetworks: ["10.0.0.0/8"])
        let (open, closed, named) = (
            try #require(IPAddress("8.8.8.8")), try #require(IPAddress("::1")), try #require(IPAddress("10.1.2.3"))
        )
        #expect(try rules.check([open, named], of: url) == [open, named])
        for addresses in [[closed], [open, closed], [closed, open], [named, open, closed]] {
            #expect(throws: AddressRules.Refusal.address(.loopback)) { try rules.check(addresses, of: url) }
        }
        #expect(throws: AddressRules.Refusal.noAddress) { try rules.check([], of: url) }
    }

    @Test func plainTextIsForAllowedNetworksAlone() throws {
        let rules = try AddressRules(allowedNetworks: ["10.0.0.0/8"])
        let (open, named) = (try #require(IPAddress("8.8.8.8")), try #require(IPAddress("10.1.2.3")))
        let url = try WebhookURL("http://hooks.example/")
        #expect(try rules.check([named], of: url) == [named])
        for addresses in [[open], [named, open]] {
            #expect(throws: AddressRules.Refusal.plainText) { try rules.check(addresses, of: url) }
        }
        #expect(throws: Never.self) { try rules.check(url) }
        // Naming a translator's prefix opens no plain text to what lies behind it.
        let translated = try #require(IPAddress("64:ff9b::8.8.8.8"))
        let prefix = try AddressRules(allowedNetworks: ["64:ff9b::/96"])
        #expect(throws: AddressRules.Refusal.plainText) { try prefix.check([translated], of: url) }
        #expect(try prefix.check([translated], of: WebhookURL("https://hooks.example/")) == [translated])
        let both = try AddressRules(allowedNetworks: ["64:ff9b::/96", "8.8.8.8"])
        #expect(try both.check([translated], of: url) == [translated])
        #expect(throws: AddressRules.Refusal.plainText) { try AddressRules().check(url) }
        #expect(throws: AddressRules.Refusal.plainText) { try rules.check(WebhookURL("http://8.8.8.8/")) }
        #expect(throws: Never.self) { try rules.check(WebhookURL("http://10.0.0.1/")) }
        #expect(throws: Never.self) { try AddressRules().check(WebhookURL("https://8.8.8.8/")) }
    }
}
