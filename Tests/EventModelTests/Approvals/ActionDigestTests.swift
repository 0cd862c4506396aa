import Basics
import EventModel
import Testing

@Suite struct ActionDigestTests {
    /// As `printf '{"a":1,"b":[true,null]}' | sha256sum` prints it.
    private static let known = "sha256:1cc69c7fa23616ca2ec3ee70d24390a6225c8832db8a4c814c7e0e7f942f8668"

    @Test(arguments: [
        #"{"a":1,"b":[true,null]}"#, #"{ "b" : [ true , null ] , "\u0061" : 1.0 }"#, "{\"b\":[true,null],\n\"a\":10e-1}",
    ])
    func allSpellingsHaveOneDigest(_ json: String) throws {
        #expect(try ActionDigest(of: bytes(json)[...], field: "action").text == Self.known)
    }

    @Test(arguments: [#"{"a":2,"b":[true,null]}"#, #"{"a":1,"b":[null,true]}"#, #"{"a":"1","b":[true,null]}"#, "null"])
    func otherActionsHaveOthers(_ json: String) throws {
        #expect(try ActionDigest(of: bytes(json)[...], field: "action").text != Self.known)
    }

    @Test(arguments: ["{", "1e999", #"{"a":1,"a":1}"#, #""\ud800""#])
    func whatHasNoFormHasNoDigest(_ json: String) {
        #expect(fault { try ActionDigest(of: bytes(json)[...], field: "payload.action") }?.field == "payload.action")
    }

    @Test func readsItsOwnForm() throws {
        let digest = try ActionDigest(Self.known, field: "actionDigest")
        #expect(digest.text == Self.known)
        #expect(digest == (try ActionDigest(of: bytes(#"{"b":[true,null],"a":1}"#)[...], field: "action")))
    }

    @Test(arguments: [
        "", "sha256:", String(known.dropFirst(7)), known.uppercased(), known + "0", String(known.dropLast()), " " + known,
        known.replacing("sha256", with: "sha512"), known.replacing("a", with: "A"), known.replacing("1c", with: "１c"),
    ])
    func refusesOtherForms(_ text: String) {
        #expect(fault { try ActionDigest(text, field: "actionDigest") }?.field == "actionDigest")
    }
}
