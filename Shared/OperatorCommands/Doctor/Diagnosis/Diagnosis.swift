import Basics
import EventModel
import HTTPTypes

/// What observations mean. Pure: the same observations at the same time of day always mean the same.
struct Diagnosis: Sendable {
    let seen: Observations
    /// Our own time of day when it began.
    let now: Timestamp

    /// The findings, in the order of the report. What could not be looked at because of another fault is left out.
    var findings: [Finding] {
        guard case .reached(let alpn) = seen.reach else { return [connection, token] }
        return [connection, token] + clock + [http2(alpn)] + stream + workspace + relay + pages
    }

    /// Whether nothing must be mended.
    static func isHealthy(_ findings: [Finding]) -> Bool { findings.allSatisfy { $0.verdict != .fault } }

    // MARK: The connection

    private var connection: Finding {
        switch seen.reach {
        case .reached where seen.target.isSecure && seen.isInsecure:
            .advice(.connection, "\(seen.target.authority) answers; its certificate was not checked, as you asked with --insecure")
        case .reached:
            .ok(.connection, "\(seen.target.authority) answers" + (seen.target.isSecure ? ", with a certificate that is trusted" : ""))
        case .failed(let failure): .fault(.connection, failure.sentence(seen.target), failure.remedy)
        }
    }

    private func http2(_ alpn: String?) -> Finding {
        if alpn == "h2" { return .ok(.http2, "HTTP/2 is offered: a browser may have any number of tabs") }
        let limit = "so a browser opens at most six connections to it, and the seventh tab with a stream waits"
        if seen.target.isSecure { return .fault(.http2, "HTTP/2 is not offered by ALPN, \(limit)", .http2) }
        return seen.target.isLoopback
            ? .advice(.http2, "there is no TLS and therefore no HTTP/2, \(limit); good enough for this machine alone", .http2)
            : .fault(.http2, "there is no TLS and therefore no HTTP/2, \(limit); and tokens can be read on the way", .http2)
    }

    // MARK: Who answers

    /// The proxy by what it says of itself, else in general. Stands at the beginning of a sentence.
    var hop: String {
        for answer in answers {
            guard let name = answer.fields[.server] ?? answer.fields[.via] else { continue }
            return "\(Wording.quotable(name)) (by its own account)"
        }
        return "something on the way that does not name itself"
    }

    /// Everybody's answers.
    var answers: [Answer] {
        let streams = [seen.stream, seen.streamByQuery, seen.query, seen.resume, seen.compression].compactMap(\.?.attempt.answer)
        return streams + [seen.workspace, seen.relay, seen.relayByQuery, seen.page].compactMap(\.?.attempt.answer)
    }

    /// The watched stream that was served, however its token was sent.
    var served: StreamObservation? {
        [seen.stream, seen.streamByQuery].compactMap(\.self).first { $0.attempt.isEventStream }
    }
}

extension DialFailure {
    fileprivate func sentence(_ target: Target) -> String {
        switch self {
        case .unknownName: "the name \(target.host) is not known: check its spelling, and the DNS"
        case .refused: "nobody listens at \(target.authority): the proxy is down, or on another port"
        case .timedOut: "\(target.authority) does not answer: it is down, or a firewall drops what is sent there"
        case .untrusted: "the certificate of \(target.authority) is not signed by anybody whom this machine trusts"
        case .expired(let end): "the certificate of \(target.authority) expired at \(end)"
        case .notYetValid(let begin): "the certificate of \(target.authority) is valid from \(begin) only, by this machine's clock"
        case .wrongName: "the certificate of \(target.authority) is for other names"
        case .notTLS: "what listens at \(target.authority) does not speak TLS: use http://, or another port"
        case .other(let text): "no connection to \(target.authority): \(Wording.quotable(text))"
        }
    }

    fileprivate var remedy: Remedy? {
        switch self {
        case .untrusted: .untrusted
        case .expired, .notYetValid, .wrongName: .certificate
        case .unknownName, .refused, .timedOut, .notTLS, .other: nil
        }
    }

    /// For a further connection, after one was made.
    var briefly: String {
        switch self {
        case .unknownName: "the name could not be looked up any more"
        case .refused: "a further connection was refused"
        case .timedOut: "a further connection did not come about in time"
        case .untrusted, .expired, .notYetValid, .wrongName, .notTLS: "a further connection had another certificate"
        case .other(let text): "a further connection failed: \(Wording.quotable(text))"
        }
    }
}
