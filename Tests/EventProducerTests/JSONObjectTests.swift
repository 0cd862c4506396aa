import Testing

@testable import event_producer

@Suite struct JSONObjectTests {
    @Test func writesItsMembersInOrder() {
        var object: JSONObject = [
            "b": "a\"\n", "a": 1, "n": nil, "t": true, "f": false, "d": 0.65, "l": .strings(["x", "y\\"]), "e": .strings([]),
        ]
        object.append("z", .number(.infinity))
        #expect(object.text == #"{"b":"a\"\n","a":1,"n":null,"t":true,"f":false,"d":0.65,"l":["x","y\\"],"e":[],"z":null}"#)
        #expect(([:] as JSONObject).text == "{}")
    }
}
