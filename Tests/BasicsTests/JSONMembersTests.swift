import Testing

@testable import Basics

@Suite("Members of a JSON object") struct JSONMembersTests {
    private func members(_ text: String) throws -> JSONMembers { try JSONMembers(Array(text.utf8)) }

    @Test func valuesAreReadByType() throws {
        let members = try members(
            #" {"s":"a\u00e9\n","n":-1.5e3,"o":{"i":{"x":"y"}},"a":["b",1,null,{"c":"d"},"\"e"],"t":true,"z":null} "#
        )
        #expect(try members.count == 6 && members.string("s") == "aé\n" && members.number("n") == -1500)
        #expect(try members.object("o")?.object("i")?.string("x") == "y")
        #expect(members.strings("a") == ["b", "\"e"])
        #expect(members.text("s") == "aé\n" && members.text("n") == nil && members.text("x") == nil)
        #expect(members.kind(of: "t") == .boolean && members.kind(of: "z") == .null && members.kind(of: "x") == nil)
        #expect(members.contains("z") && !members.hasValue("z") && members.hasValue("t"))
        #expect(!members.contains("x") && !members.hasValue("x"))
    }

    @Test("Absent and null are nothing") func absentMembers() throws {
        let members = try members(#"{"z":null}"#)
        for name in ["z", "x"] {
            #expect(try members.string(name) == nil && members.number(name) == nil && members.strings(name).isEmpty)
            #expect(try members.object(name) == nil)
        }
    }

    @Test("It throws for a value of another type", arguments: ["1", #""1""#, "[]", "{}", "true"])
    func otherTypes(_ value: String) throws {
        let members = try members(#"{"v":\#(value)}"#)
        let kind = try #require(members.kind(of: "v"))
        func isRefused(_ read: () throws -> Void) -> Bool {
            do {
                try read()
                return false
            } catch {
                return error is JSONMembers.TypeMismatch
            }
        }
        #expect(isRefused { _ = try members.string("v") } == (kind != .string))
        #expect(isRefused { _ = try members.number("v") } == (kind != .number))
        #expect(isRefused { _ = try members.object("v") } == (kind != .object))
        #expect(members.strings("v").isEmpty)
    }

    @Test func aNumberBeyondDoubleIsRefused() throws {
        let members = try members(#"{"n":1e400}"#)
        #expect(throws: JSONMembers.TypeMismatch.self) { try members.number("n") }
    }

    @Test func anEscapedNameIsItsText() throws {
        let members = try members(#"{"\u0073ub":"ann","plain":1}"#)
        #expect(try members.string("sub") == "ann" && members.number("plain") == 1 && !members.contains(#"\u0073ub"#))
    }

    @Test("A name that stands twice can be tolerated: the first value counts") func toleratedRepetition() throws {
        let text = Array(#"{"a":1,"\u0061":"x","b":2}"#.utf8)
        let members = try JSONScanner.scan(text) { scanner throws(JSONSyntaxError) in
            try JSONMembers(of: text, scanning: &scanner, depth: 0)
        }
        #expect(members.hasRepetition && members.isRepeated("a") && !members.isRepeated("b") && !members.isRepeated("c"))
        #expect(members["a"].map { Array($0) } == Array("1".utf8))
        #expect(members.values { $0.elementsEqual("a".utf8) }.map { Array($0) } == [Array("1".utf8), Array(#""x""#.utf8)])
    }

    @Test("Names are compared by bytes") func equivalentNames() throws {
        let members = try members("{\"\u{E9}\":1,\"e\u{301}\":2}")
        #expect(try members.number("\u{E9}") == 1 && members.number("e\u{301}") == 2)
    }

    @Test(
        "It is as strict as the check of a text",
        arguments: [
            "", " ", "{", "{}x", "{} {}", #"{"a":1,}"#, #"{"a":1,"a":2}"#, #"{"a":1,"\u0061":2}"#, #"{"o":{"a":1,"a":2}}"#,
            #"{"s":"\ud800"}"#, "\u{FEFF}{}", "[1,]", "tru", #"{"a":01}"#,
            String(repeating: #"{"a":"#, count: 65) + "1" + String(repeating: "}", count: 65),
        ]
    )
    func invalidTexts(_ text: String) {
        #expect(throws: JSONSyntaxError.self) { try JSONDocument.check(Array(text.utf8)) }
        #expect(throws: JSONSyntaxError.self) { try members(text) }
    }

    @Test func namesOfAnyNumberAreCompared() throws {
        let many = (0..<40).map { #""m\#($0)":\#($0)"# }.joined(separator: ",")
        let members = try members("{\(many),\"\":-1}")
        #expect(try members.count == 41 && members.number("m39") == 39 && members.number("") == -1)
        #expect(throws: JSONSyntaxError.self) { try self.members("{\(many),\"m7\":1}") }
    }

    @Test("What was tolerated is read") func innerRepetition() throws {
        let text = Array(#"{"o":{"p":{"a":1,"a":2},"q":"x"},"l":[{"a":1,"a":2},"y",["z"]]}"#.utf8)
        let members = try JSONScanner.scan(text) { scanner throws(JSONSyntaxError) in
            scanner.toleratesRepetition = true
            return try JSONMembers(of: text, scanning: &scanner, depth: 0)
        }
        #expect(try members.object("o")?.string("q") == "x" && members.strings("l") == ["y"])
    }

    @Test("Another value than an object is a mismatch", arguments: ["[]", "null", "1", #""{}""#])
    func otherTexts(_ text: String) {
        #expect(throws: JSONMembers.TypeMismatch.self) { try members(text) }
    }

    @Test func theDeepestObjectIsRead() throws {
        let depth = JSONScanner.maximumDepth
        var object = try members(String(repeating: #"{"a":"#, count: depth) + "1" + String(repeating: "}", count: depth))
        for _ in 1..<depth { object = try #require(try object.object("a")) }
        #expect(try object.number("a") == 1)
    }
}
