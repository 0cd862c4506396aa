import HTTPAPI
import HTTPTypes

/// An answer, or none, in place of what was asked for: what it means at any path.
struct Refusal {
    let attempt: Attempt
    let path: String
    /// Who answers, when it is not Causeway.
    let hop: String

    /// What happened, and how to mend it.
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
        case 403: ("\(path): 403, the token is good but not for this\(quote)", .role)
        case 404: ("\(path): 404, this path leads nowhere\(quote)", .path)
        case 426: ("\(path): 426, Causeway was asked without \"Upgrade: websocket\" and \"Connection: Upgrade\"", .upgrade)
        case 502: ("\(path): 502, the proxy found nobody behind it, or did not understand the answer\(quote)", .gateway)
        case 503: ("\(path): 503, no instance is there to serve it\(quote)", .gateway)
        case 504: ("\(path): 504, the proxy waited in vain for an answer from behind it\(quote)", .gateway)
        case 300..<400:
            ("\(path): \(status), a redirection\(answer.destination); streams and WebSockets must be served where they are", .path)
        case 400 where answer.body.mentionsTLS: ("\(path): 400, this port speaks TLS: use https://", nil)
        case 200..<300: ("\(path): \(status), but with \(answer.kind): another service answers at this path", .path)
        default: ("\(path): \(status)\(quote)", nil)
        }
    }
}

extension Answer {
    /// What it says about itself: the message of an error of Causeway's, else nothing.
    fileprivate var quote: String {
        guard let words = ServerWords(String(decoding: body, as: UTF8.self)), let message = words.message else { return "" }
        return ": \u{201C}\(Wording.quotable(message))\u{201D}"
    }

    /// What it carries.
    var kind: String { fields[.contentType].map { Wording.quotable($0) } ?? "no content type" }

    /// Where a redirection leads, without the query, which is the request's and holds the token.
    fileprivate var destination: String {
        fields[.location].map { " to \(Wording.quotable(String($0.prefix { $0 != "?" })))" } ?? ""
    }
}

extension [UInt8] {
    /// What nginx, Caddy and HAProxy answer to plaintext on a TLS port.
    fileprivate var mentionsTLS: Bool { String(decoding: self, as: UTF8.self).uppercased().contains("HTTPS") }
}
