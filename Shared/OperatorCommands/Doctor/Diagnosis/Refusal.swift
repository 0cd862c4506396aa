import HTTPAPI
import HTTPTypes

/// Explains an unexpected or missing response at any path.
struct Refusal {
    let attempt: Attempt
    let path: String
    /// The proxy's name (``Diagnosis/hop``).
    let hop: String

    /// The failure, and its fix.
    var meaning: (sentence: String, remedy: Remedy?) {
        switch attempt {
        case .failed(let failure): (failure.briefly, nil)
        case .closed: ("\(path): \(hop) closed the connection without an answer", .gateway)
        case .silent(let time): ("\(path): no answer within \(Wording.show(time)), though the connection was accepted", .gateway)
        case .notHTTP: ("\(path): what came back is not HTTP/1.1", nil)
        case .answered(let answer): Self.meaning(of: answer, path: path)
        }
    }

    private static func meaning(of answer: Answer, path: String) -> (String, Remedy?) {
        let (status, quote) = (answer.status, answer.quote)
        return switch status {
        case 401: ("\(path): 401, the token is not accepted\(quote)", .token)
        case 403: ("\(path): 403, the token is valid but not allowed here\(quote)", .role)
        case 404: ("\(path): 404, nothing is served at this path\(quote)", .path)
        case 426: ("\(path): 426, Causeway was asked without \"Upgrade: websocket\" and \"Connection: Upgrade\"", .upgrade)
        case 502: ("\(path): 502, the proxy reached no service, or got an invalid response\(quote)", .gateway)
        case 503: ("\(path): 503, no instance is available\(quote)", .gateway)
        case 504: ("\(path): 504, the service did not answer the proxy in time\(quote)", .gateway)
        case 300..<400:
            ("\(path): \(status), a redirection\(answer.destination); streams and WebSockets must be served where they are", .path)
        case 400 where answer.body.mentionsTLS: ("\(path): 400, this port speaks TLS: use https://", nil)
        case 200..<300: ("\(path): \(status), but with \(answer.kind): another service answers at this path", .path)
        default: ("\(path): \(status)\(quote)", nil)
        }
    }
}

extension Answer {
    /// The message of an error body of Causeway; empty for other bodies.
    fileprivate var quote: String {
        guard let words = ServerWords(String(decoding: body, as: UTF8.self)), let message = words.message else { return "" }
        return ": \u{201C}\(Wording.quotable(message))\u{201D}"
    }

    /// The content type.
    var kind: String { fields[.contentType].map { Wording.quotable($0) } ?? "no content type" }

    /// The target of a redirection, without the query, which contains the token.
    fileprivate var destination: String {
        fields[.location].map { " to \(Wording.quotable(String($0.prefix { $0 != "?" })))" } ?? ""
    }
}

extension [UInt8] {
    /// Whether this is the response of nginx, Caddy or HAProxy to plaintext on a TLS port.
    fileprivate var mentionsTLS: Bool { String(decoding: self, as: UTF8.self).uppercased().contains("HTTPS") }
}
