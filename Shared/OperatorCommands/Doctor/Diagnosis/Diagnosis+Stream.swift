import HTTPAPI
import HTTPTypes

/// Findings about the notification stream.
extension Diagnosis {
    var stream: [Finding] {
        guard let stream = seen.stream else { return [] }
        let disagreement = disagreement(seen.streamRepetitions, .stream, Examination.streamPath)
        guard let served else {
            if let disagreement { return [disagreement] }
            if case .silent(let time) = stream.attempt, seen.head?.status == 200 {
                let sentence = "no response head arrived within \(Wording.show(time)), though HEAD is answered"
                return [.fault(.buffering, "\(Examination.streamPath) is held back on the way: \(sentence)", .buffering)]
            }
            let refusal = Refusal(attempt: stream.attempt, path: Examination.streamPath, hop: hop).meaning
            return [.fault(.stream, refusal.sentence, refusal.remedy)]
        }
        if let refusal = refused(served) { return [refusal] }
        let took = served.attempt.answer.map { Wording.show($0.took) } ?? ""
        // A refusal by a replica says nothing about what reaches it.
        let arrival =
            disagreement.map { [$0] } ?? [.ok(.stream, "\(Examination.streamPath): 200 after \(took), a stream of events")] + authorization
            + lastEventID(stream: served)
        return arrival + [buffering(served)] + compression + [idle(served)] + requestID(served)
    }

    /// Returns the fault of a stream that ended at once; nil for a stream that was served.
    private func refused(_ served: StreamObservation) -> Finding? {
        switch served.goodbye {
        case "unavailable":
            .fault(
                .stream,
                "the stream ended at once, \"unavailable\": no edge is behind the proxy, or the edge cannot reach its log",
                .gateway
            )
        case "overloaded", "limit":
            .fault(.stream, "the edge has no free stream: raise MAX_CONNECTIONS or MAX_CONNECTIONS_PER_TENANT, or start more edges", nil)
        default: nil
        }
    }

    private var authorization: [Finding] {
        var findings: [Finding] = []
        if seen.stream?.attempt.status == 401 {
            let sentence = "the header Authorization does not arrive: 401 with the token there, 200 with it in the query"
            findings.append(.fault(.authorization, sentence, .authorization))
        } else {
            findings.append(.ok(.authorization, "the header Authorization arrives"))
        }
        guard let query = seen.query else { return findings }
        switch (query.attempt.status, query.gap) {
        case (401, _):
            findings.append(.fault(.query, "the query does not arrive: 401 with the token there, as browsers have to send it", .query))
        case (200, .some): findings.append(.ok(.query, "the query arrives, token and last_event_id"))
        case (200, nil) where query.opening != nil && query.isUnderstood:
            findings.append(.fault(.query, "the query does not arrive as it was sent: last_event_id in it has no effect", .query))
        default: break
        }
        return findings
    }

    private func lastEventID(stream: StreamObservation) -> [Finding] {
        guard let resume = seen.resume, resume.attempt.status == 200 else { return [] }
        if resume.gap != nil { return [.ok(.lastEventID, "the header Last-Event-ID arrives: an unknown place is answered by stream.gap")] }
        // A stream that is buffered or compressed cannot be judged.
        guard resume.opening != nil, resume.isUnderstood else { return [] }
        let sentence = "the header Last-Event-ID does not arrive: an unknown place in it should be answered by stream.gap, and is not"
        return [.fault(.lastEventID, "\(sentence). Clients that reconnect lose events without knowing it", .lastEventID)]
    }

    private func buffering(_ served: StreamObservation) -> Finding {
        let held = "is held back on the way"
        guard let opening = served.opening else {
            return .fault(.buffering, "the stream \(held): its opening did not arrive within \(Wording.show(seen.watched))", .buffering)
        }
        guard opening <= StreamProbe.promptness else {
            return .fault(.buffering, "the stream \(held): its opening came \(Wording.show(opening)) after the head", .buffering)
        }
        // On a slow machine one ping may be late and arrive with the next; three at once mean buffering.
        guard served.pingsAtOnce < 3 else {
            return .fault(
                .buffering,
                "the stream \(held): \(served.pingsAtOnce) pings came at once, though they are sent one by one",
                .buffering
            )
        }
        return .ok(.buffering, "the opening came \(Wording.show(opening)) after the head: nothing is held back")
    }

    private var compression: [Finding] {
        guard let answer = seen.compression?.attempt.answer, answer.status == 200 else { return [] }
        guard let coding = answer.fields[.contentEncoding], coding.lowercased() != "identity" else {
            return [.ok(.compression, "the stream is not compressed, though gzip was offered")]
        }
        let sentence =
            "the stream is compressed on the way (Content-Encoding: \(Wording.quotable(coding))): events may wait for those after them"
        return [.fault(.compression, sentence, .compression)]
    }

    private func idle(_ served: StreamObservation) -> Finding {
        switch (served.goodbye, served.ending) {
        case ("token_expired", _): .ok(.idle, "Causeway ended the stream, because the token expired")
        case ("draining", _): .advice(.idle, "Causeway ended the stream, because that edge is being stopped: examine it again")
        case (.some(let reason), _): .advice(.idle, "Causeway ended the stream: \(Wording.quotable(reason))")
        case (nil, .closed(let silence, let isAbrupt)):
            .fault(
                .idle,
                "\(hop) cut the stream \(Self.manner(isAbrupt)) after \(Wording.show(silence)) of silence, without stream.end",
                .idle
            )
        case (nil, .none) where served.pings > 0:
            .ok(.idle, "the stream stayed open for \(Wording.show(seen.watched)); pings: \(served.pings)")
        case (nil, .none):
            .advice(
                .idle,
                "the stream stayed open for \(Wording.show(seen.watched)), but no ping came: watch for longer than HEARTBEAT_INTERVAL with "
                    + "--idle-seconds"
            )
        }
    }

    /// Describes how a connection was cut.
    static func manner(_ isAbrupt: Bool) -> String { isAbrupt ? "abruptly" : "silently" }

    private func requestID(_ served: StreamObservation) -> [Finding] {
        guard let answer = served.attempt.answer else { return [] }
        guard let id = answer.fields[.requestID] else {
            return [.advice(.requestID, "X-Request-Id is removed from responses: clients cannot match requests with log entries")]
        }
        guard id.hasPrefix(Examination.requestIDPrefix) else {
            return [.advice(.requestID, "X-Request-Id is replaced on the way: the client's own id is in no log of Causeway's")]
        }
        return [.ok(.requestID, "X-Request-Id arrives and comes back; this examination's is \(Wording.quotable(id))")]
    }
}
