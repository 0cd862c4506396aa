import Basics
import Testing

@Suite struct JSONObjectTests {
    @Test func writesItsMembersInOrder() {
        var object: JSONObject = [
            "b": "a\"\n", "a": 1, "n": nil, "t": true, "f": false, "d": 0.65, "l": .strings(["x", "y\\"]), "e": .strings([]),
        ]
        object.append("z", .number(.infinity))
        #expect(object.text == #"{"b":"a\"\n","a":1,"n":null,"t":true,"f":false,"d":0.65,"l":["x","y\\"],"e":[],"z":null}"#)
        #expect(([:] as JSONObject).text == "{}")
    }

    @Test func nests() {
        let object: JSONObject = ["a": .array([.object(["b": .integers([1, 2])]), .object([:])]), "o": .object(["x": nil])]
        #expect(object.text == #"{"a":[{"b":[1,2]},{}],"o":{"x":null}}"#)
    }

    @Test func leavesOutATextThatIsNotThere() {
        var object: JSONObject = [:]
        object.append("a", text: nil)
        #expect(object.isEmpty)
        object.append("b", text: "x")
        #expect(object.text == #"{"b":"x"}"#)
    }
}
