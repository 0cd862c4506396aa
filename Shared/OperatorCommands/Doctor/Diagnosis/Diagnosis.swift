import Basics
import EventModel
import HTTPTypes

/// Derives findings from observations. A pure function of the observations and the time.
struct Diagnosis: Sendable {
    let seen: Observations
    /// This machine's time at the start of the examination.
    let now: Timestamp

    /// The findings, in the order of the report. Checks that another fault prevented are omitted.
    var findings: [Finding] {
        guard case .reached(let alpn) = seen.reach else { return [connection, token] }
        return [connection, token] + clock + [http2(alpn)] + stream + workspace + relay + pages
    }

    /// Whether there are no faults.
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

    /// The proxy's name from its `Server` or `Via` header, or a general term.
    var hop: String {
        for answer in answers {
            guard let name = answer.fields[.server] ?? answer.fields[.via] else { continue }
            return "\(Wording.quotable(name)) (by its own account)"
        }
        return "an unnamed hop on the way"
    }

    /// All responses.
    var answers: [Answer] {
        let streams = [seen.stream, seen.streamByQuery, seen.query, seen.resume, seen.compression].compactMap(\.?.attempt.answer)
        return streams + [seen.workspace, seen.relay, seen.relayByQuery, seen.page].compactMap(\.?.attempt.answer)
    }

    /// The watched stream that was served, with the token in the header or in the query.
    var served: StreamObservation? {
        [seen.stream, seen.streamByQuery].compactMap(\.self).first { $0.attempt.isEventStream }
    }
}

extension DialFailure {
    fileprivate func sentence(_ target: Target) -> String {
        switch self {
        case .unknownName: "the name \(target.host) is not known: check its spelling, and the DNS"
        case .refused: "nothing listens at \(target.authority): the proxy is down, or on another port"
        case .timedOut: "\(target.authority) does not answer: it is down, or a firewall drops packets to it"
        case .untrusted: "the certificate of \(target.authority) is not signed by an authority that this machine trusts"
        case .expired(let end): "the certificate of \(target.authority) expired at \(end)"
        case .notYetValid(let begin): "the certificate of \(target.authority) is valid from \(begin) only, by this machine's clock"
        case .wrongName: "the certificate of \(target.authority) is for other names"
        case .notTLS: "the server at \(target.authority) does not speak TLS: use http://, or another port"
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

    /// Describes the failure of a further connection, after the first one succeeded.
    var briefly: String {
        switch self {
        case .unknownName: "a further look-up of the name failed"
        case .refused: "a further connection was refused"
        case .timedOut: "a further connection timed out"
        case .untrusted, .expired, .notYetValid, .wrongName, .notTLS: "a further connection had another certificate"
        case .other(let text): "a further connection failed: \(Wording.quotable(text))"
        }
    }
}
