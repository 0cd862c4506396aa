import AccessControl
import Basics
import EventModel
import HTTPTypes

extension Diagnosis {
    /// Clock skew that services tolerate in `iat` and `nbf` (contract §1).
    private static let leeway: Duration = .seconds(30)
    /// Clock skew from which the report gives advice.
    private static let noticeable: Duration = .seconds(5)

    /// Checks the token's claims.
    var token: Finding {
        let token = seen.token
        guard token.isReadable else { return .fault(.token, "it is not a JWT: three parts in base64url, joined by dots", .token) }
        guard let expiry = token.expiresAt else { return .fault(.token, "it has no claim exp; tokens without expiry are rejected", .token) }
        let left = distance(to: expiry)
        guard left > .zero else { return .fault(.token, "it expired \(Wording.show(left)) ago, by this machine's clock", .token) }
        for (claim, time) in [("iat", token.issuedAt), ("nbf", token.notBefore)] {
            guard let time, distance(to: time) > Self.leeway else { continue }
            let ahead = Wording.show(distance(to: time))
            return .fault(.token, "its claim \(claim) is \(ahead) in the future: its issuer's clock, or this machine's, is wrong", .clock)
        }
        if isRevoked { return .fault(.token, "it was revoked before its expiry: get a new one", .token) }
        if left < seen.watched { return .advice(.token, "it expires in \(Wording.show(left)), and streams end with it") }
        return .ok(.token, "it is valid for another \(Wording.show(left)), by this machine's clock\(revocability)")
    }

    /// Whether a service said that the token was revoked (contract §13).
    private var isRevoked: Bool {
        let messages = answers.filter { $0.status == 401 }.compactMap { ServerWords(String(decoding: $0.body, as: UTF8.self))?.message }
        let reasons = [seen.workspace, seen.relay, seen.relayByQuery, seen.page].compactMap(\.?.close?.reason)
        return (messages + reasons).contains { $0.hasPrefix(AuthenticationError.revokedWords) }
    }

    /// What a revocation cannot do for lack of claims; empty when it can do all.
    private var revocability: String {
        var text = ""
        if !seen.token.hasID { text += "; without jti it cannot be revoked by itself" }
        if seen.token.issuedAt == nil { text += "; without iat every revocation of its user takes it back" }
        return text
    }

    /// Compares the clocks of the proxy and of Causeway with this machine's.
    var clock: [Finding] {
        let proxy = answers.lazy.compactMap(\.clockLead).first.map { (name: "the proxy's clock (Date)", lead: $0) }
        let service = [seen.workspace, seen.relay, seen.relayByQuery].compactMap(\.?.clockLead).first
            .map { (name: "Causeway's clock", lead: $0) }
        let readings = [proxy, service].compactMap(\.self)
        guard let worst = readings.max(by: { abs($0.lead) < abs($1.lead) }) else {
            return [.advice(.clock, "no clock to compare: neither a Date header nor a message of Causeway arrived")]
        }
        guard abs(worst.lead) > Self.noticeable else { return [.ok(.clock, "the clocks agree within \(Wording.show(abs(worst.lead)))")] }
        let side = worst.lead > .zero ? "ahead of" : "behind"
        var sentence = "\(worst.name) is \(Wording.show(worst.lead)) \(side) this machine's"
        if readings.count == 2 {
            let areAlike = abs(readings[0].lead - readings[1].lead) <= Self.noticeable
            sentence += areAlike ? "; proxy and Causeway agree, so this machine's clock is wrong" : "; the other one is right"
        }
        return [abs(worst.lead) > Self.leeway ? .fault(.clock, sentence, .clock) : .advice(.clock, sentence, .clock)]
    }

    /// Returns the time from now until a moment in seconds since 1970, clamped: a token may contain any number.
    private func distance(to seconds: Double) -> Duration {
        let difference = seconds - Double(now.millisecondsSinceEpoch) / 1000
        return .seconds(max(-1e15, min(1e15, difference)))
    }

    private func abs(_ duration: Duration) -> Duration { duration < .zero ? .zero - duration : duration }
}
