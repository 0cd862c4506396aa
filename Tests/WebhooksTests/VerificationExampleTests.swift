import Basics
import Crypto
import EventModel
import Foundation
import Testing

@testable import Webhooks

// What docs/webhooks.md shows, as it stands there.
/// Whether a delivery is signed with a secret and at most five minutes old.
func isGenuine(id: String, timestamp: String, signatures: String, body: Data, secret: String, now: Date = Date()) -> Bool {
    guard let seconds = Double(timestamp), abs(now.timeIntervalSince1970 - seconds) < 300,
        let key = Data(base64Encoded: String(secret.dropFirst("whsec_".count)))
    else { return false }
    let signed = Data("\(id).\(timestamp).".utf8) + body
    return signatures.split(separator: " ").contains { signature in
        guard signature.hasPrefix("v1,"), let code = Data(base64Encoded: String(signature.dropFirst("v1,".count))) else { return false }
        return HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: signed, using: SymmetricKey(data: key))
    }
}

/// The receiver of the documentation accepts what is sent, through a rotation, and nothing else.
@Suite struct VerificationExampleTests {
    private static let start = Timestamp(millisecondsSinceEpoch: 1_800_000_000_000)
    private static let clock = Date(timeIntervalSince1970: 1_800_000_000)

    private func accepts(_ secret: SigningSecret, _ change: (inout [String: String]) -> Void = { _ in }, after seconds: Double = 0) -> Bool
    {
        let message = SignedMessage(
            id: Cursor(time: Self.start, epoch: 1, sequence: 1),
            type: EventType(generated: "incident.created"),
            time: Self.start,
            data: Array(#"{"incidentId":"inc_1"}"#.utf8)
        )
        var fields = Dictionary(uniqueKeysWithValues: message.fields(signedBy: secrets, at: Self.start).map { ($0.name, $0.value) })
        fields["body"] = String(decoding: message.body, as: UTF8.self)
        change(&fields)
        return isGenuine(
            id: fields["webhook-id"] ?? "",
            timestamp: fields["webhook-timestamp"] ?? "",
            signatures: fields["webhook-signature"] ?? "",
            body: Data((fields["body"] ?? "").utf8),
            secret: secret.revealed,
            now: Self.clock.addingTimeInterval(seconds)
        )
    }

    private let former = SigningSecret.generate()
    private let current = SigningSecret.generate()

    private var secrets: EndpointSecrets {
        var secrets = EndpointSecrets(former)
        secrets.rotate(to: current, at: Self.start)
        return secrets
    }

    @Test func bothSecretsOfARotationAreAccepted() {
        #expect(accepts(current) && accepts(former))
        #expect(!accepts(.generate()))
    }

    @Test func whatWasChangedOrIsOldIsRefused() {
        #expect(accepts(current, after: 240) && accepts(current, after: -240))
        #expect(!accepts(current, after: 301) && !accepts(current, after: -301))
        #expect(!accepts(current, { $0["body"]? += " " }))
        #expect(!accepts(current, { $0["webhook-id"] = Cursor(time: Self.start, epoch: 1, sequence: 2).text }))
        #expect(!accepts(current, { $0["webhook-timestamp"] = "1800000001" }))
        #expect(!accepts(current, { $0["webhook-signature"] = "" }))
        #expect(!accepts(current, { $0["webhook-signature"] = $0["webhook-signature"]?.replacingOccurrences(of: "v1,", with: "v2,") }))
    }
}
