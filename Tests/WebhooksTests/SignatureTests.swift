import Basics
import EventModel
import TestKit
import Testing

@testable import Webhooks

/// Signatures of Standard Webhooks 1.0.
@Suite("Signatures") struct SignatureTests {
    private static let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    private static let start = Timestamp(millisecondsSinceEpoch: 1_614_265_330_999)

    /// The vector that the standard's own libraries are tested with.
    @Test func theVectorOfTheStandard() throws {
        let secret = try #require(SigningSecret(Self.secret))
        let body = Array(#"{"test": 2432232314}"#.utf8)
        #expect(
            secret.signature(id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: 1_614_265_330, body: body)
                == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        )
    }

    @Test func aSecretHasOneText() throws {
        #expect(SigningSecret(Self.secret)?.revealed == Self.secret)
        let secrets = (0..<20).map { _ in SigningSecret.generate() }
        #expect(Set(secrets).count == secrets.count)
        for secret in secrets { #expect(SigningSecret(secret.revealed) == secret) }
    }

    @Test(
        "Secrets that are refused",
        arguments: [
            "", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS ", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw=",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa-_",
            "whsec_" + String(repeating: "AAAA", count: 22),
        ]
    )
    func refused(_ text: String) { #expect(SigningSecret(text) == nil) }

    @Test("Secrets of each allowed length", arguments: [24, 63, 64])
    func lengths(_ count: Int) throws {
        let text = "whsec_" + Self.base64(count)
        #expect(SigningSecret(text)?.revealed == text)
    }

    @Test func nothingShowsASecret() throws {
        let secret = try #require(SigningSecret(Self.secret))
        let secrets = EndpointSecrets(secret, former: [.init(secret: secret, until: Self.start)])
        var shown = "\(secret) \(String(reflecting: secret)) \(secrets) \(String(reflecting: secrets))"
        dump(secrets, to: &shown)
        #expect(!shown.contains("MfKQ") && !shown.contains("49, 242"), "\(shown)")
    }

    @Test func aReplacedSecretSignsForADay() throws {
        let made = (0..<6).map { _ in SigningSecret.generate() }
        var secrets = EndpointSecrets(made[0])
        #expect(secrets.signing(at: Self.start) == [made[0]])
        secrets.rotate(to: made[1], at: Self.start)
        let end = Self.start.advanced(by: .seconds(86_400))
        let justBefore = end.advanced(by: .milliseconds(-1))
        #expect(secrets.signing(at: justBefore) == [made[1], made[0]])
        #expect(secrets.signing(at: end) == [made[1]])
        // A second rotation within the day leaves the first secret its time; one after it forgets it.
        var twice = secrets
        twice.rotate(to: made[2], at: justBefore)
        #expect(twice.signing(at: justBefore) == [made[2], made[1], made[0]])
        #expect(twice.signing(at: end) == [made[2], made[1]])
        twice.rotate(to: made[3], at: end)
        #expect(twice.former.map(\.secret) == [made[2], made[1]])
        // There is a bound, whatever a tenant does.
        for secret in made { twice.rotate(to: secret, at: end) }
        #expect(twice.signing(at: end) == [made[5], made[4], made[3], made[2]])
    }

    @Test func aMessageHasThePayloadByteForByte() throws {
        let payload = "{ \"b\" : 1.0e0,\n\"a\":\"\\u00e9\u{e9}\" }"
        let event = Event(
            id: "e",
            tenant: "acme",
            type: try EventType("incident.opened"),
            time: Self.start,
            traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            payload: try Payload(validating: Array(payload.utf8))
        )
        let cursor = Cursor(time: Self.start, epoch: 7, sequence: 42)
        let message = SignedMessage(event, cursor: cursor)
        let expected = "{\"type\":\"incident.opened\",\"timestamp\":\"2021-02-25T15:02:10.999Z\",\"data\":\(payload)}"
        #expect(message.body == Array(expected.utf8))
        #expect(message.id == cursor.text && !message.id.contains("."))

        var secrets = EndpointSecrets(try #require(SigningSecret(Self.secret)))
        secrets.rotate(to: .generate(), at: Self.start)
        let fields = Dictionary(uniqueKeysWithValues: message.fields(signedBy: secrets, at: Self.start).map { ($0.name, $0.value) })
        #expect(fields["webhook-id"] == cursor.text)
        #expect(fields["webhook-timestamp"] == "1614265330")
        #expect(fields["content-type"] == "application/json")
        #expect(fields["traceparent"] == event.traceparent)
        let signatures = try #require(fields["webhook-signature"]).split(separator: " ").map(String.init)
        #expect(
            signatures == secrets.signing(at: Self.start).map { $0.signature(id: message.id, timestamp: 1_614_265_330, body: message.body) }
        )
        #expect(signatures.count == 2 && Set(signatures).count == 2)
    }

    /// A producer on the bus can write any `traceparent`; none can add a header.
    @Test func aMalformedTraceIsNotSent() throws {
        let event = Event(
            id: "e",
            tenant: "acme",
            type: try EventType("incident.opened"),
            time: Self.start,
            traceparent: "00-0\r\nx: y",
            payload: .empty
        )
        let message = SignedMessage(event, cursor: Cursor(time: Self.start, epoch: 0, sequence: 1))
        let fields = message.fields(signedBy: EndpointSecrets(.generate()), at: Self.start)
        #expect(fields.map(\.name) == ["content-type", "webhook-id", "webhook-timestamp", "webhook-signature"])
    }

    /// Base64 of `count` zero bytes.
    private static func base64(_ count: Int) -> String {
        let text = String(repeating: "A", count: (count * 4 + 2) / 3)
        return text + String(repeating: "=", count: (4 - text.count % 4) % 4)
    }
}
