/// A request and its expected answer.
struct Exchange: Sendable {
    let request: [UInt8]
    let status: Int
    /// A text that the body must contain, to detect the answer to another request.
    let mark: String

    /// Throws unless `answer` is the expected one.
    func check(_ answer: HTTPAnswer) throws(LoadError) {
        let body = String(decoding: answer.body, as: UTF8.self)
        guard answer.status == status else {
            throw LoadError("A request was to be answered with \(status), and \"\(answer.statusLine)\" came: \(body.prefix(256))")
        }
        guard body.contains(mark) else {
            throw LoadError("An answer is not that of its request: \(mark) is not in it, but \(body.prefix(256))")
        }
    }
}

/// The times of a series of exchanges.
struct ExchangeTally: Sendable {
    /// Per exchange, from just before the request is sent until the end of its answer was read.
    var latency = LatencyHistogram()
    /// From the first request to the last answer; nanoseconds.
    var wall: UInt64 = 0
}
