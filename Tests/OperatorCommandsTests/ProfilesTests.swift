import ArgumentParser
import Foundation
import TestKit
import Testing

@testable import OperatorCommands

/// Files with profiles in; addresses, tokens and mistakes out.
@Suite struct ProfilesTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private static let file = """
        # Deployments.
        [default]
        url = https://a.example
        token-file = a.token

        [staging]
          url=http://b.example:81/api
        token-file = ~/b.token
        ca-file = /etc/ca.pem
        [empty]
        """

    /// Writes the profiles and their tokens below a configuration directory; returns the environment that names it.
    private func environment(_ more: [String: String] = [:]) throws -> [String: String] {
        try FileManager.default.createDirectory(atPath: directory.file("causeway"), withIntermediateDirectories: true)
        try directory.write(Self.file.replacing("ca-file = /etc/ca.pem\n", with: ""), to: "causeway/profiles")
        try directory.write("token-a\n", to: "causeway/a.token")
        try directory.write("token-b\n", to: "b.token")
        return ["XDG_CONFIG_HOME": directory.path, "HOME": directory.path].merging(more) { $1 }
    }

    private func server(_ arguments: [String], _ environment: [String: String]) throws -> [String] {
        let server = try ServerArguments.parse(arguments).server(environment: environment)
        return ["\(server.target)", server.token ?? ""]
    }

    @Test func aFileHasProfiles() throws {
        let read = try Profiles(Self.file, path: "/c/profiles", home: "/home/ann")
        #expect(read.profiles.keys.sorted() == ["default", "empty", "staging"])
        #expect(try read.profile(named: "default") == .init(url: "https://a.example", tokenFile: "/c/a.token", caFile: nil))
        let staging = Profiles.Profile(url: "http://b.example:81/api", tokenFile: "/home/ann/b.token", caFile: "/etc/ca.pem")
        #expect(try read.profile(named: "staging") == staging)
        for name in ["empty", "stagng", ""] { #expect(throws: Profiles.Mistake.self) { try read.profile(named: name) } }
    }

    @Test(arguments: [
        "url = https://a", "[a]\nurl", "[a]\nhost = a", "[a]\nurl = ", "[a]\nurl = a\nurl = b", "[a]\n[a]", "[a b]", "[]",
        "[a]\ntoken = eyJsecret",
    ])
    func aMistakeNamesItsLineAndQuotesNothing(_ text: String) {
        do throws(Profiles.Mistake) {
            _ = try Profiles(text, path: "/c/profiles", home: nil)
            Issue.record("it was accepted")
        } catch {
            #expect(error.sentence.hasPrefix("/c/profiles, line ") && !error.sentence.contains("eyJ"))
        }
    }

    @Test func aPathNeedsAHome() {
        #expect(Profiles.path(["XDG_CONFIG_HOME": "/x", "HOME": "/h"]) == "/x/causeway/profiles")
        #expect(Profiles.path(["XDG_CONFIG_HOME": "x", "HOME": "/h"]) == "/h/.config/causeway/profiles")
        #expect(Profiles.path([:]) == nil)
    }

    @Test func optionsCountBeforeVariablesAndThoseBeforeProfiles() throws {
        let plain = try environment()
        #expect(try server([], plain) == ["https://a.example", "token-a"])
        #expect(try server([], plain.merging(["CAUSEWAY_PROFILE": "staging"]) { $1 }) == ["http://b.example:81/api", "token-b"])
        let variables = try environment(["CAUSEWAY_URL": "http://c.example", "CAUSEWAY_TOKEN": "token-c"])
        #expect(try server([], variables) == ["http://c.example", "token-c"])
        #expect(try server(["--profile", "staging"], variables) == ["http://b.example:81/api", "token-b"])
        #expect(try server(["--token-file", directory.file("b.token")], plain) == ["https://a.example", "token-b"])
        #expect(try server([], plain.merging(["CAUSEWAY_TOKEN": "token-c"]) { $1 }) == ["https://a.example", "token-c"])
    }

    @Test func theTokenOfAProfileIsSentToItsAddressAlone() throws {
        let environment = try environment()
        #expect(throws: Exit.configuration) { try server(["--url", "http://evil.example"], environment) }
        #expect(throws: Exit.configuration) { try server([], environment.merging(["CAUSEWAY_URL": "http://evil.example"]) { $1 }) }
    }

    @Test func filesThatOthersMayReadOrChangeAreRefused() throws {
        let environment = try environment()
        func allow(_ mode: Int, _ name: String) throws {
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: directory.file(name))
        }
        try allow(0o644, "causeway/a.token")
        #expect(throws: Exit.configuration) { try server([], environment) }
        try allow(0o600, "causeway/a.token")
        try allow(0o644, "causeway/profiles")
        #expect(try server([], environment) == ["https://a.example", "token-a"])
        try allow(0o664, "causeway/profiles")
        #expect(throws: Exit.configuration) { try server([], environment) }
    }

    @Test func aProfileThatDoesNotExistIsRefused() throws {
        let environment = try environment()
        #expect(throws: Exit.configuration) { try server(["--profile", "stagin"], environment) }
        #expect(throws: Exit.configuration) { try server(["--profile", "a"], ["CAUSEWAY_TOKEN": "t"]) }
    }
}
