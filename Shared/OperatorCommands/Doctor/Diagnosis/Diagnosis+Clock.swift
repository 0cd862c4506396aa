import Basics
import EventModel
import HTTPTypes

extension Diagnosis {
    /// By how much clocks may differ: that much of `iat` and `nbf` is forgiven (contract §1).
    private static let leeway: Duration = .seconds(30)
    /// From here on a difference is worth a word.
    private static let noticeable: Duration = .seconds(5)

    /// What the token says of itself.
    var token: Finding {
        let token = seen.token
        guard token.isReadable else { return .fault(.token, "it is not a JWT: three parts in base64url, joined by dots", .token) }
        guard let expiry = token.expiresAt else { return .fault(.token, "it has no claim exp; tokens without an end are refused", .token) }
        let left = distance(to: expiry)
        guard left > .zero else { return .fault(.token, "it expired \(Wording.show(left)) ago, by this machine's clock", .token) }
        for (claim, time) in [("iat", token.issuedAt), ("nbf", token.notBefore)] {
            guard let time, distance(to: time) > Self.leeway else { continue }
            let ahead = Wording.show(distance(to: time))
            return .fault(.token, "its claim \(claim) is \(ahead) in the future: its issuer's clock, or this machine's, is wrong", .clock)
        }
        if left < seen.watched { return .advice(.token, "it expires in \(Wording.show(left)), and streams end with it") }
        return .ok(.token, "it is valid for another \(Wording.show(left)), by this machine's clock")
    }

    /// The others' clocks, compared with ours.
    var clock: [Finding] {
        let proxy = answers.lazy.compactMap(\.clockLead).first.map { (name: "the proxy's clock (Date)", lead: $0) }
        let service = [seen.workspace, seen.relay, seen.relayByQuery].compactMap(\.?.clockLead).first
            .map { (name: "Causeway's clock", lead: $0) }
        let readings = [proxy, service].compactMap(\.self)
        guard let worst = readings.max(by: { abs($0.lead) < abs($1.lead) }) else {
            return [.advice(.clock, "nobody told the time: neither a field Date came, nor a message of Causeway's")]
        }
        guard abs(worst.lead) > Self.noticeable else { return [.ok(.clock, "the clocks agree within \(Wording.show(abs(worst.lead)))")] }
        let side = worst.lead > .zero ? "ahead of" : "behind"
        var sentence = "\(worst.name) is \(Wording.show(worst.lead)) \(side) this machine's"
        if readings.count == 2 {
            let areAlike = abs(readings[0].lead - readings[1].lead) <= Self.noticeable
            sentence += areAlike ? "; proxy and Causeway agree, so it is this machine's that is wrong" : "; the other one is right"
        }
        return [abs(worst.lead) > Self.leeway ? .fault(.clock, sentence, .clock) : .advice(.clock, sentence, .clock)]
    }

    /// From now to a moment in seconds since 1970; any number may stand in a token.
    private func distance(to seconds: Double) -> Duration {
        let difference = seconds - Double(now.millisecondsSinceEpoch) / 1000
        return .seconds(max(-1e15, min(1e15, difference)))
    }

    private func abs(_ duration: Duration) -> Duration { duration < .zero ? .zero - duration : duration }
}
