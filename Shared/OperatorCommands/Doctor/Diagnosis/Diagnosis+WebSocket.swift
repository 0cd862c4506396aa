import HTTPTypes

/// Findings about the workspace stream, the relay, and pages that use them.
extension Diagnosis {
    var workspace: [Finding] {
        guard let socket = seen.workspace else { return [] }
        // After the first message, a close has another reason, which `findings` reports.
        if let close = socket.close, socket.messages == 0 {
            let path = Examination.workspacePath
            if socket.isRefused, let finding = disagreement(seen.workspaceRepetitions, .workspace, path) { return [finding] }
            switch close.code {
            case 4401 where served != nil: return [.fault(.workspace, "\(path): closed with 4401: the query does not arrive here", .query)]
            case 4401: return [.fault(.workspace, "\(path): closed with 4401, the token is not accepted", .token)]
            case 4003:
                let sentence = "closed with 4003, the token is for another workspace: pass the right one with --workspace"
                return [.fault(.workspace, "\(path): \(sentence)", nil)]
            default: break
            }
        }
        return findings(socket, .workspace, .workspaceIdle, Examination.workspacePath) + subprotocol(socket)
    }

    var relay: [Finding] {
        guard let first = seen.relay else { return [] }
        if first.isRefused, let finding = disagreement(seen.relayRepetitions, .relay, Examination.relayPath) { return [finding] }
        if let byQuery = seen.relayByQuery, byQuery.attempt.status == 101 {
            let sentence =
                "\(Examination.relayPath): the header Authorization does not arrive: 401 with the token there, 101 with it in the query"
            return [.fault(.relay, sentence, .authorization)] + findings(byQuery, .relay, .relayIdle, Examination.relayPath).dropFirst()
        }
        return findings(first, .relay, .relayIdle, Examination.relayPath)
    }

    /// Judges the handshake, and how long the connection stayed open.
    private func findings(_ socket: WebSocketObservation, _ check: Finding.Check, _ idleCheck: Finding.Check, _ path: String) -> [Finding] {
        guard let answer = socket.attempt.answer, answer.status == 101 else {
            if let answer = socket.attempt.answer, (200..<300).contains(answer.status) {
                let sentence =
                    "\(path): the handshake was answered with \(answer.status) and \(answer.kind), as if it had not asked for a WebSocket"
                return [.fault(check, sentence, .upgrade)]
            }
            let refusal = Refusal(attempt: socket.attempt, path: path, hop: hop).meaning
            return [.fault(check, refusal.sentence, refusal.remedy)]
        }
        let lost = [
            ("Upgrade", answer.fields[.upgrade]?.lowercased() == "websocket"),
            ("Connection", answer.fields[.connection]?.lowercased().contains("upgrade") == true),
            ("Sec-WebSocket-Accept", socket.isProven),
        ].filter { !$0.1 }.map(\.0)
        guard lost.isEmpty else {
            return [.fault(check, "\(path): 101, but with missing or wrong \(lost.joined(separator: ", ")): browsers reject it", .upgrade)]
        }
        guard socket.messages > 0 || socket.close != nil || socket.ending != .none else {
            return [.fault(check, "\(path): 101, but the first message did not arrive within \(Wording.show(seen.watched))", .buffering)]
        }
        return [.ok(check, "\(path): 101 after \(Wording.show(answer.took))"), idle(socket, idleCheck, path)]
    }

    private func idle(_ socket: WebSocketObservation, _ check: Finding.Check, _ path: String) -> Finding {
        if let close = socket.close {
            let words = close.reason.isEmpty ? "" : " (\(Wording.quotable(close.reason)))"
            // The relay closes clients that are silent for a minute (contract §6).
            let wasSilent = close.code == 1008 && check == .relayIdle && seen.watched >= .seconds(60)
            let sentence = "\(path): Causeway closed it with \(close.code)\(words)"
            if wasSilent { return .ok(check, "\(sentence), as it does with silent clients") }
            return close.code == 1011 ? .fault(check, sentence, .gateway) : .advice(check, sentence)
        }
        if case .closed(let silence, let isAbrupt) = socket.ending {
            let sentence =
                "\(path): \(hop) cut it \(Self.manner(isAbrupt)) after \(Wording.show(silence)) of silence, without a close frame"
            return .fault(check, sentence, .idle)
        }
        let stayed = "\(path): it stayed open for \(Wording.show(seen.watched))"
        if check == .relayIdle { return .ok(check, stayed) }
        // The first message is the greeting.
        return socket.messages > 1
            ? .ok(check, "\(stayed); heartbeats and events: \(socket.messages - 1)")
            : .advice(check, "\(stayed), but no heartbeat came: watch for longer than HEARTBEAT_INTERVAL with --idle-seconds")
    }

    private func subprotocol(_ socket: WebSocketObservation) -> [Finding] {
        guard let answer = socket.attempt.answer, answer.status == 101 else { return [] }
        if answer.fields[.secWebSocketProtocol] == Examination.subprotocol {
            return [.ok(.subprotocol, "Sec-WebSocket-Protocol arrives, and its answer comes back")]
        }
        let sentence = "Sec-WebSocket-Protocol is lost on the way: browsers that use it, for their token for example, cannot connect"
        return [.fault(.subprotocol, sentence, .subprotocol)]
    }

    // MARK: Pages

    var pages: [Finding] {
        var findings: [Finding] = []
        let origin = Wording.quotable(seen.origin ?? seen.target.origin)
        if seen.workspace?.attempt.status == 101, let page = seen.page {
            switch page.attempt.status {
            case 101: findings.append(.ok(.pages, "pages of \(origin) may open WebSockets"))
            case 403 where seen.origin != nil:
                findings.append(
                    .fault(.pages, "pages of \(origin) may not open WebSockets: their origin is not in CORS_ORIGINS", .crossOrigin)
                )
            case 403:
                let sentence =
                    "pages of \(origin) itself may not open WebSockets: Host is changed on the way, or X-Forwarded-Proto names another scheme"
                findings.append(.advice(.pages, sentence, .host))
            default: break
            }
        }
        return findings + crossOrigin
    }

    private var crossOrigin: [Finding] {
        guard let origin = seen.origin, let answer = served?.attempt.answer else { return [] }
        let allowed = answer.fields[values: .accessControlAllowOrigin]
        guard allowed.count <= 1 else {
            let sentence =
                "Access-Control-Allow-Origin comes \(allowed.count) times, which browsers refuse: a proxy adds it to Causeway's own"
            return [.fault(.crossOrigin, sentence, .crossOrigin)]
        }
        guard let value = allowed.first, value == origin || value == "*" else {
            let sentence =
                "pages of \(Wording.quotable(origin)) may not read the stream: its origin is not in CORS_ORIGINS, or a proxy takes the answer out"
            return [.fault(.crossOrigin, sentence, .crossOrigin)]
        }
        let names = seen.preflight?.answer?.fields[values: .accessControlAllowHeaders].joined(separator: ",").lowercased() ?? ""
        guard let status = seen.preflight?.status, (200..<300).contains(status), names.contains("last-event-id") else {
            let sentence =
                "the preflight request (OPTIONS) is not answered by Causeway: pages of \(Wording.quotable(origin)) may send no headers"
            return [.fault(.crossOrigin, sentence, .crossOrigin)]
        }
        return [.ok(.crossOrigin, "pages of \(Wording.quotable(origin)) may read the stream and send their headers")]
    }
}
